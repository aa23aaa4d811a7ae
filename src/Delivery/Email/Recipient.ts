import { domainToASCII } from "node:url"
import { namesIn, valuesIn } from "../../ServiceEnvironment.ts"
import { type MailAddress, parseAddress } from "./Address.ts"

/** Somebody to send to. */
export interface Recipient extends MailAddress {
  /** How texts about the delivery name them: as they are written where variables stand for them. */
  readonly shown: string
  /** The address in the form in which addresses are compared. */
  readonly form: string
  /** What no text about the delivery may repeat. */
  readonly secrets: ReadonlyArray<string>
}

/** An address in the form in which it is compared: servers and libraries spell domains in letters or in Punycode. */
export const formOf = (address: string): string => {
  const at = address.lastIndexOf("@") + 1
  const domain = address.slice(at)
  return `${address.slice(0, at)}${domainToASCII(domain) || domain.toLowerCase()}`
}

/** The recipient that a text stands for which was `written` with variables, or without. It has to be an address. */
export const recipientOf = (
  text: string,
  written: string,
  variables: Readonly<Record<string, string | undefined>>
): Recipient => {
  const parsed = parseAddress(text)
  const { address, domain } = parsed
  const form = formOf(address)
  if (namesIn(written).length === 0) return { ...parsed, shown: address, form, secrets: [] }
  const parts = [address, form, address.slice(0, -domain.length - 1), domain, form.slice(form.lastIndexOf("@") + 1)]
  const secrets = [...valuesIn(written, variables), ...parts.filter((part) => !written.includes(part))]
  return { ...parsed, shown: written, form, secrets }
}
