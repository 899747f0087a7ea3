// SPDX-License-Identifier: Apache-2.0

/** A text in which `names` stand between backticks. */
export function Said({ text }: { text: string }) {
  return <>{text.split('`').map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}</>;
}
