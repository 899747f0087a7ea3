// SPDX-License-Identifier: Apache-2.0
// A place to drop files on, with a button for those who do not drag.
import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';

export interface DropProps {
  onFiles: (files: File[]) => void;
  /** Several at once. */
  many?: boolean | undefined;
  button: string;
  children: ComponentChildren;
}

export function Drop({ onFiles, many = false, button, children }: DropProps) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  return (
    <div
      class={over ? 'drop over' : 'drop'}
      onDragOver={(e) => {
        e.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(e) => {
        e.preventDefault();
        setOver(false);
        const files = [...(e.dataTransfer?.files ?? [])];
        onFiles(many ? files : files.slice(0, 1));
      }}
    >
      {children}
      <button type="button" class="primary" onClick={() => input.current?.click()}>
        {button}
      </button>
      <label class="offscreen" for={id}>
        {button}
      </label>
      <input
        ref={input}
        id={id}
        type="file"
        class="offscreen"
        tabIndex={-1}
        multiple={many}
        onChange={(e) => {
          onFiles([...(e.currentTarget.files ?? [])]);
          e.currentTarget.value = '';
        }}
      />
    </div>
  );
}
