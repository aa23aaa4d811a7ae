import type * as OpenApi from "@effect/platform/OpenApi"

type Spec = OpenApi.OpenAPISpec

const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)

const json = (value: unknown): string => `<pre>${escape(JSON.stringify(value, null, 2))}</pre>`

const linked = (schema: unknown): string =>
  json(schema).replace(
    /#\/components\/schemas\/([\w.-]+)/g,
    (ref, name: string) => `<a href="#schema-${name}">${ref}</a>`
  )

const media = (content: Record<string, { readonly schema: unknown }> | undefined): string =>
  Object.entries(content ?? {})
    .map(([type, { schema }]) => `<p><code>${escape(type)}</code></p>${linked(schema)}`)
    .join("")

const parameters = (operation: OpenApi.OpenAPISpecOperation): string => {
  if (operation.parameters.length === 0) return ""
  const rows = operation.parameters.map(
    ({ name, in: place, required, schema }) =>
      `<tr><td><code>${escape(name)}</code></td><td>${place}${required ? ", required" : ""}</td><td>${linked(schema)}</td></tr>`
  )
  return `<h4>Parameters</h4><table>${rows.join("")}</table>`
}

const responses = (operation: OpenApi.OpenAPISpecOperation): string =>
  Object.entries(operation.responses)
    .map(
      ([status, { description, content }]) =>
        `<details><summary><b>${escape(status)}</b> ${escape(description)}</summary>${media(content)}</details>`
    )
    .join("")

const needed = (operation: OpenApi.OpenAPISpecOperation): string => {
  const scope = "x-required-scope" in operation ? String(operation["x-required-scope"]) : ""
  return `<p>Needs ${scope === "nothing" ? "no key" : `a key with the scope <code>${escape(scope)}</code>`}.</p>`
}

const operation = (method: string, path: string, details: OpenApi.OpenAPISpecOperation): string =>
  `<details class="op"><summary><b class="${method}">${method.toUpperCase()}</b> <code>${escape(path)}</code> ${escape(
    details.summary ?? ""
  )}</summary>${needed(details)}${parameters(details)}${
    details.requestBody === undefined ? "" : `<h4>Body</h4>${media(details.requestBody.content)}`
  }<h4>Answers</h4>${responses(details)}</details>`

const style = `:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
pre,code{font:13px/1.45 ui-monospace,monospace}pre{overflow-x:auto;background:color-mix(in srgb,currentColor 7%,transparent);padding:.6rem;margin:.3rem 0}
summary{cursor:pointer}.op{border-bottom:1px solid color-mix(in srgb,currentColor 20%,transparent);padding:.4rem 0}
.op>:not(summary){margin-left:1rem}table{border-collapse:collapse}td{vertical-align:top;padding:.1rem .8rem .1rem 0}
.get{color:#2a7}.post{color:#27c}.put{color:#b70}.delete{color:#c33}`

/** One page that shows the whole API; it loads nothing. */
export const renderDocs = (spec: Spec): string => {
  const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
    (["get", "post", "put", "delete"] as const).flatMap((method) => {
      const details = item[method]
      return details === undefined ? [] : [{ tag: details.tags[0] ?? "", html: operation(method, path, details) }]
    })
  )
  const groups = spec.tags.map(
    ({ name }) =>
      `<h2>${escape(name)}</h2>${operations
        .filter(({ tag }) => tag === name)
        .map(({ html }) => html)
        .join("")}`
  )
  const schemas = Object.entries(spec.components.schemas).map(
    ([name, schema]) => `<h3 id="schema-${escape(name)}">${escape(name)}</h3>${linked(schema)}`
  )
  const title = escape(`${spec.info.title} ${spec.info.version}`)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${style}</style></head><body><h1>${title}</h1><p>${escape(spec.info.description ?? "")}
The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>${groups.join("")}<h2>Schemas</h2>${schemas.join("")}</body></html>`
}
