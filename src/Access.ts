import * as Effect from "effect/Effect"
import { make } from "./Access/Service.ts"

/**
 * Who may ask for what: the keys of the configuration and those that are stored, and how much each may ask. With
 * neither, the service is open to its own machine. Changes are durable, audited and in force before they return.
 */
export class Access extends Effect.Service<Access>()("symbiont/Access", { scoped: make }) {}

export { KeyStore, type NewKey, type StoredKey } from "./Access/KeyStore.ts"
export { SecretBytes, sameSecret } from "./Access/Secrets.ts"
