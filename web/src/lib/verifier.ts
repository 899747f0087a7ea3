// SPDX-License-Identifier: Apache-2.0
// The verifier as the page uses it: everything is done by a worker, and steps come as they are done.
import type { Answer, Ask, JobName, Jobs } from '../worker/messages';
import type { CheckStep } from './verify/steps';

interface Hooks {
  onStep?: (step: CheckStep) => void;
  onProgress?: (done: number, total: number) => void;
}

interface Waiting extends Hooks {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

let worker: Worker | null = null;
let last = 0;
const waiting = new Map<number, Waiting>();

function hear(e: MessageEvent<Answer>): void {
  const answer = e.data;
  const w = waiting.get(answer.id);
  if (w === undefined) return;
  if ('step' in answer) return w.onStep?.(answer.step);
  if ('total' in answer) return w.onProgress?.(answer.done, answer.total);
  waiting.delete(answer.id);
  if ('error' in answer) w.reject(new Error(answer.error));
  else w.resolve(answer.result as never);
}

function start(): Worker {
  const w = new Worker(new URL('../worker/verify.ts', import.meta.url), { type: 'module' });
  w.onmessage = hear;
  w.onerror = () => {
    for (const [, one] of waiting) one.reject(new Error('the checker could not be started in this browser'));
    waiting.clear();
    worker = null;
  };
  return w;
}

export function ask<J extends JobName>(job: J, asks: Jobs[J]['asks'], hooks: Hooks = {}): Promise<Jobs[J]['gives']> {
  worker ??= start();
  const id = ++last;
  const w = worker;
  return new Promise((resolve, reject) => {
    waiting.set(id, { ...hooks, resolve: resolve as (value: never) => void, reject });
    w.postMessage({ id, job, asks } as Ask);
  });
}
