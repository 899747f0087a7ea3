// SPDX-License-Identifier: Apache-2.0
// Asking the site: docs/formats/centre-api.md. What comes back is shown, never believed: what
// matters is checked by lib/verify.

/** An answer that is not 2xx, in the API's words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

type Query = Record<string, string | number | undefined | null>;

/** A path below /api/v1 with its query; parameters that are undefined or null are left out. */
export function apiUrl(path: string, query: Query = {}): string {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) q.set(name, String(value));
  }
  const s = q.toString();
  return `/api/v1${path}${s === '' ? '' : `?${s}`}`;
}

async function problem(answer: Response): Promise<ApiError> {
  let code = 'unavailable';
  let message = `the site answered with status ${answer.status}`;
  try {
    const body = (await answer.json()) as { error?: { code?: string; message?: string } };
    code = body.error?.code ?? code;
    message = body.error?.message ?? message;
  } catch {
    // not JSON: the status says enough
  }
  return new ApiError(answer.status, code, message);
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(apiUrl(path, query), { signal: signal ?? null });
  if (!answer.ok) throw await problem(answer);
  return (await answer.json()) as T;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await fetch(apiUrl(path), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw await problem(answer);
  return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
}

/** Bytes of a public file of the site, such as a passport, a tile or the checkpoint. */
export async function bytes(url: string, signal?: AbortSignal): Promise<Uint8Array> {
  const answer = await fetch(url, { signal: signal ?? null });
  if (!answer.ok) throw await problem(answer);
  return new Uint8Array(await answer.arrayBuffer());
}
