// SPDX-License-Identifier: Apache-2.0
// A line for the shell with a button that copies it.
import { copy } from '../lib/copy';
import { CopyIcon } from './Digest';

/** `does`: what it does, in words. */
export function Command({ does, command }: { does?: string | undefined; command: string }) {
  return (
    <div class="command">
      {does !== undefined && <p class="does">{does}</p>}
      <div class="line">
        <pre tabIndex={0}>
          <code>{command}</code>
        </pre>
        <button type="button" class="icon" aria-label={`Copy the command${does === undefined ? '' : `: ${does}`}`} title="Copy" onClick={() => void copy(command, 'the command')}>
          <CopyIcon />
        </button>
      </div>
    </div>
  );
}
