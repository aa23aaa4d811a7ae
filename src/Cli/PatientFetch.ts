import * as http from "node:http"
import * as https from "node:https"

/**
 * `fetch` for answers that may take hours: Node's own gives up on a server that sends no headers within five minutes.
 * Takes what the typed client sends: a URL, a method, headers, and bytes as the body.
 */
export const patientFetch: typeof globalThis.fetch = (input, init = {}) =>
  new Promise((resolve, reject) => {
    const url = new URL(String(input))
    const { body, method = "GET", signal } = init
    const sent = (url.protocol === "https:" ? https : http).request(
      url,
      { method, headers: Object.fromEntries(new Headers(init.headers)), agent: false, ...(signal ? { signal } : {}) },
      (response) => {
        const chunks: Array<Uint8Array> = []
        response.on("data", (chunk: Uint8Array) => chunks.push(chunk))
        response.on("error", reject)
        response.on("end", () => {
          const headers = new Headers()
          for (const [name, value] of Object.entries(response.headers)) headers.set(name, String(value))
          const { statusCode: status = 0 } = response
          // These have no body, by the rules of Response.
          const text = [101, 204, 205, 304].includes(status) ? null : Buffer.concat(chunks)
          resolve(new Response(text, { status, headers }))
        })
      }
    )
    sent.on("error", reject)
    sent.end(body instanceof Uint8Array || typeof body === "string" ? body : undefined)
  })
