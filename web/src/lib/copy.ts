// SPDX-License-Identifier: Apache-2.0
import { announce } from './store';

/** Puts text into the clipboard and says so; false when the browser does not let us. */
export async function copy(text: string, what: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copyOld(text)) {
      announce(`The browser did not let the page copy ${what}.`);
      return false;
    }
  }
  announce(`Copied ${what}.`);
  return true;
}

/** Without https the newer way is not there. */
function copyOld(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'offscreen';
  document.body.append(area);
  const before = document.activeElement;
  area.select();
  let done = false;
  try {
    done = document.execCommand('copy');
  } catch {
    done = false;
  }
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
