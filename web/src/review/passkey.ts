// SPDX-License-Identifier: Apache-2.0
// Talking to the browser's authenticators: registration, login, and the signature of an entry.
import { post } from '../lib/api';
import { loadSession } from '../lib/store';
import { forget } from '../lib/use';
import { b64url } from '../lib/verify/bytes';
import type { Assertion } from './write';

/** What a person can do about it, in words. */
export class PasskeyError extends Error {
  override name = 'PasskeyError';
}

interface Descriptor {
  type: 'public-key';
  id: string;
  transports?: AuthenticatorTransport[];
}

interface CreationJSON {
  challenge: string;
  rp: PublicKeyCredentialRpEntity;
  user: { id: string; name: string; displayName: string };
  pubKeyCredParams: PublicKeyCredentialParameters[];
  timeout?: number;
  attestation?: AttestationConveyancePreference;
  authenticatorSelection?: AuthenticatorSelectionCriteria;
  excludeCredentials?: Descriptor[];
}

interface RequestJSON {
  challenge: string;
  rpId?: string;
  timeout?: number;
  userVerification?: UserVerificationRequirement;
  allowCredentials?: Descriptor[];
}

function unb64url(s: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(s.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
}

function descriptors(list: Descriptor[] | undefined): PublicKeyCredentialDescriptor[] {
  return (list ?? []).map((d) => ({ type: 'public-key', id: unb64url(d.id), ...(d.transports === undefined ? {} : { transports: d.transports }) }));
}

function encoded(buffer: ArrayBuffer): string {
  return b64url(new Uint8Array(buffer));
}

function explain(e: unknown): Error {
  if (!(e instanceof DOMException)) return e instanceof Error ? e : new PasskeyError(String(e));
  switch (e.name) {
    case 'NotAllowedError':
      return new PasskeyError('No passkey was given. Perhaps the dialog was closed or took too long; try again.');
    case 'InvalidStateError':
      return new PasskeyError('This authenticator holds a passkey for this site already. Log in with it.');
    case 'SecurityError':
      return new PasskeyError('The browser gives no passkeys at this address. Open the site at its own name, with https.');
    case 'NotSupportedError':
      return new PasskeyError('This authenticator cannot make the kind of key that is needed (ES256). Use another.');
    default:
      return new PasskeyError(e.message);
  }
}

/** Whether this browser can do it here at all. */
export function passkeysPossible(): boolean {
  return window.isSecureContext && typeof PublicKeyCredential === 'function';
}

function needPasskeys(): void {
  if (!passkeysPossible()) throw new PasskeyError('This browser has no passkeys at this address. It needs https, or localhost.');
}

async function credential(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  needPasskeys();
  let got: Credential | null;
  try {
    got = await ask();
  } catch (e) {
    throw explain(e);
  }
  if (!(got instanceof PublicKeyCredential)) throw new PasskeyError('The browser gave no passkey.');
  return got;
}

function common(c: PublicKeyCredential): Record<string, unknown> {
  return { id: c.id, rawId: encoded(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment ?? undefined, clientExtensionResults: {} };
}

async function create(o: CreationJSON): Promise<unknown> {
  const c = await credential(() =>
    navigator.credentials.create({
      publicKey: {
        rp: o.rp,
        user: { ...o.user, id: unb64url(o.user.id) },
        challenge: unb64url(o.challenge),
        pubKeyCredParams: o.pubKeyCredParams,
        excludeCredentials: descriptors(o.excludeCredentials),
        ...(o.timeout === undefined ? {} : { timeout: o.timeout }),
        ...(o.attestation === undefined ? {} : { attestation: o.attestation }),
        ...(o.authenticatorSelection === undefined ? {} : { authenticatorSelection: o.authenticatorSelection }),
      },
    }),
  );
  const r = c.response as AuthenticatorAttestationResponse;
  return { ...common(c), response: { clientDataJSON: encoded(r.clientDataJSON), attestationObject: encoded(r.attestationObject), transports: r.getTransports() } };
}

async function request(o: RequestJSON): Promise<unknown> {
  const c = await credential(() =>
    navigator.credentials.get({
      publicKey: {
        challenge: unb64url(o.challenge),
        allowCredentials: descriptors(o.allowCredentials),
        userVerification: o.userVerification ?? 'required',
        ...(o.rpId === undefined ? {} : { rpId: o.rpId }),
        ...(o.timeout === undefined ? {} : { timeout: o.timeout }),
      },
    }),
  );
  const r = c.response as AuthenticatorAssertionResponse;
  return {
    ...common(c),
    response: {
      clientDataJSON: encoded(r.clientDataJSON),
      authenticatorData: encoded(r.authenticatorData),
      signature: encoded(r.signature),
      ...(r.userHandle === null ? {} : { userHandle: encoded(r.userHandle) }),
    },
  };
}

async function changed(): Promise<void> {
  forget();
  await loadSession();
}

export interface Joined {
  name: string;
  vkey: string;
  policy_line: string;
}

export async function join(invitation: string): Promise<Joined> {
  needPasskeys();
  const begun = await post<{ publicKey: CreationJSON; ticket: string }>('/register/begin', { invitation });
  const made = await create(begun.publicKey);
  const joined = await post<Joined>('/register/finish', { ticket: begun.ticket, credential: made });
  await changed();
  return joined;
}

export async function login(): Promise<void> {
  needPasskeys();
  const begun = await post<{ publicKey: RequestJSON; ticket: string }>('/login/begin', {});
  await post('/login/finish', { ticket: begun.ticket, credential: await request(begun.publicKey) });
  await changed();
}

export async function logout(): Promise<void> {
  await post('/logout', {});
  await changed();
}

/** A passkey's signature over that challenge; the person is asked. `rp`: the site's RP ID. */
export async function sign(challenge: Uint8Array, rp: string): Promise<Assertion> {
  const c = await credential(() =>
    navigator.credentials.get({ publicKey: { challenge: new Uint8Array(challenge), rpId: rp, userVerification: 'required', timeout: 300_000 } }),
  );
  const r = c.response as AuthenticatorAssertionResponse;
  return { authenticatorData: new Uint8Array(r.authenticatorData), clientDataJSON: new Uint8Array(r.clientDataJSON), signature: new Uint8Array(r.signature) };
}
