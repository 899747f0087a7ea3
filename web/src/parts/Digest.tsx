// SPDX-License-Identifier: Apache-2.0
// A digest, shortened for the eye, whole for a screen reader and for the clipboard.
import { copy } from '../lib/copy';
import { short } from '../lib/format';

export interface DigestProps {
  of: string;
  /** What it is the digest of, for the button's name: "source". */
  what?: string | undefined;
  /** A page of ours about it. */
  href?: string | undefined;
  /** Show all digits; they wrap. */
  whole?: boolean | undefined;
}

export function Digest({ of, what = 'digest', href, whole = false }: DigestProps) {
  const text = whole ? (
    <span class="wrap">{of}</span>
  ) : (
    <>
      <span aria-hidden="true">{short(of)}</span>
      <span class="offscreen">{of}</span>
    </>
  );
  return (
    <span class="digest">
      {href === undefined ? (
        <code title={of}>{text}</code>
      ) : (
        <a href={href} title={of}>
          <code>{text}</code>
        </a>
      )}
      <button type="button" class="icon" aria-label={`Copy the ${what}`} title="Copy" onClick={() => void copy(of, `the ${what}`)}>
        <CopyIcon />
      </button>
    </span>
  );
}

export function CopyIcon() {
  return (
    <svg viewBox="0 0 16 16" width="0.875rem" height="0.875rem" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.4">
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 5.5v-2A1.5 1.5 0 0 0 9 2H3.5A1.5 1.5 0 0 0 2 3.5V9a1.5 1.5 0 0 0 1.5 1.5h2" />
    </svg>
  );
}
