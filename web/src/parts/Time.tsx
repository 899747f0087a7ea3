// SPDX-License-Identifier: Apache-2.0
import { ago, time } from '../lib/format';

export interface TimeProps {
  /** Null: "not known". */
  at: string | null;
  /** Show how long ago, with the exact time beneath the pointer; else the exact time. */
  rough?: boolean | undefined;
}

export function Time({ at, rough = false }: TimeProps) {
  if (at === null) return <span class="quiet">not known</span>;
  return (
    <time dateTime={at} title={rough ? time(at) : ago(at)} class="nowrap">
      {rough ? ago(at) : time(at)}
    </time>
  );
}
