// SPDX-License-Identifier: Apache-2.0
import { count, size } from '../lib/format';

/** A number of bytes, rounded; exact beneath the pointer. */
export function Size({ bytes }: { bytes: number }) {
  return (
    <span class="nowrap" title={`${count(bytes)} bytes`}>
      {size(bytes)}
    </span>
  );
}
