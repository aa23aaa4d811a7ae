import { type DescribedOperation, type Document, isObject, type Json } from "../OpenApi.ts"
import { block, escape, example, inline, prose } from "./Docs/Markup.ts"
import { schemaTable, table, typeOf } from "./Docs/Schemas.ts"
import { style } from "./Docs/Style.ts"

interface Route {
  readonly method: string
  readonly path: string
  readonly operation: DescribedOperation
}

const anchor = ({ operationId }: DescribedOperation): string => escape(operationId.replaceAll(".", "-"))

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const mediaOf = (content: unknown): readonly [string, Json] | undefined => {
  const [first] = isObject(content) ? Object.entries(content) : []
  return first !== undefined && isObject(first[1]) ? [first[0], first[1]] : undefined
}

const curl = ({ method, operation, path }: Route): string => {
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const found = operation.parameters.find((parameter) => parameter.name === name)
    return encodeURIComponent(String(found?.["example"] ?? name))
  })
  const body = mediaOf(operation.requestBody?.content)?.[1]["example"]
  const verb = method === "get" ? "" : `-X ${method.toUpperCase()} `
  return [
    `curl ${verb}http://localhost:8080${url}`,
    ...(operation["x-required-scope"] === "nothing" ? [] : ["-H 'Authorization: Bearer KEY'"]),
    ...(body === undefined ? [] : ["-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(body))}`])
  ].join(" \\\n  ")
}

const parameterTable = ({ parameters }: DescribedOperation): string =>
  parameters.length === 0
    ? ""
    : table(
        "Parameters",
        ["Name", "Where", "Type", "Meaning"],
        parameters.map(({ description, in: place, name, required, schema }) => [
          `<code>${escape(name)}</code>${required ? ' <span class="need">required</span>' : ""}`,
          escape(place),
          typeOf(schema),
          inline(String(description ?? ""))
        ])
      )

const asked = ({ operation }: Route): string => {
  const media = mediaOf(operation.requestBody?.content)
  const parameters = parameterTable(operation)
  if (media === undefined) return parameters
  const needed = operation.requestBody?.required === true ? "" : ", may be left out"
  return `${parameters}<h4>Body${needed}: ${typeOf(media[1]["schema"])}</h4>${example(media[1]["example"], "Example of the body")}`
}

const codeRows = (response: Json, examples: Json): ReadonlyArray<ReadonlyArray<string>> => {
  const codes = Array.isArray(response["x-error-codes"]) ? response["x-error-codes"].map(String) : []
  return codes.map((code) => {
    const shown = isObject(examples[code]) ? examples[code]["value"] : undefined
    return [`<code>${escape(code)}</code>`, escape(isObject(shown) ? String(shown["error"]) : "")]
  })
}

const answer = (status: string, response: Json & { readonly description: string }): string => {
  const [type, media = {}] = mediaOf(response["content"]) ?? []
  const { example: shown, examples, schema } = media
  if (isObject(examples)) {
    const what = response.description.replace(/ Codes: .*$/, "")
    return `<h4>${escape(status)}</h4><p>${inline(what)}</p>${table(`Codes of ${status}`, ["Code", "For example"], codeRows(response, examples))}`
  }
  const kind = type === "application/json" ? typeOf(schema) : `<code>${escape(type ?? "")}</code>`
  const text = shown === undefined ? "" : example(shown, `Example of the answer ${status}`)
  return `<h4>${escape(status)}: ${kind}</h4><p>${inline(response.description)}</p>${text}`
}

const scope = (operation: DescribedOperation): string => {
  const needed = operation["x-required-scope"] ?? ""
  return needed === "nothing" ? "Needs no key." : `Needs a key with the scope <code>${escape(needed)}</code>.`
}

const heading = ({ method, path }: Route): string =>
  `<span class="method ${escape(method)}">${escape(method.toUpperCase())}</span> <code>${escape(path)}</code>`

const article = (route: Route): string => {
  const { operation } = route
  const statuses = Object.keys(operation.responses)
  const details = asked(route)
  return `<article id="${anchor(operation)}" aria-labelledby="${anchor(operation)}-title"><h3 id="${anchor(operation)}-title">${heading(route)}</h3>
<p>${inline(operation.summary ?? "")}</p>${prose(operation.description ?? "")}<p class="scope">${scope(operation)}</p>${block(curl(route), "Example with curl")}${
    details === "" ? "" : `<details><summary>What it takes</summary>${details}</details>`
  }<details><summary>Answers: ${escape(statuses.join(", "))}</summary>${Object.entries(operation.responses)
    .map(([status, response]) => answer(status, response))
    .join("")}</details></article>`
}

/** One page that shows the whole API. It loads nothing and runs nothing. */
export const renderDocs = ({ components, info, paths, tags }: Document): string => {
  const routes: ReadonlyArray<Route> = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation }))
  )
  const groups = tags.map(({ description = "", name }) => ({
    name,
    description,
    id: `group-${escape(name)}`,
    routes: routes.filter(({ operation }) => operation.tags[0] === name)
  }))
  const shown = groups.filter((group) => group.routes.length > 0)
  const links = shown.map(
    (group) =>
      `<b><a href="#${group.id}">${escape(group.name)}</a></b><ul>${group.routes
        .map(
          ({ method, operation }) =>
            `<li><a href="#${anchor(operation)}"><span class="method ${escape(method)}">${escape(method.toUpperCase())}</span>${escape(operation.operationId.split(".").at(-1) ?? "")}</a></li>`
        )
        .join("")}</ul>`
  )
  const sections = shown.map(
    (group) =>
      `<section aria-labelledby="${group.id}"><h2 id="${group.id}">${escape(group.name)}</h2>${prose(group.description)}${group.routes
        .map(article)
        .join("")}</section>`
  )
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `<h3 id="schema-${escape(name)}">${escape(name)}</h3>${schemaTable(name, schema)}`
  )
  const title = escape(`${info.title} ${info.version}: HTTP API`)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title><style>${style}</style></head><body><a class="skip" href="#routes">To the routes</a><div class="page">
<header><h1>${title}</h1>${prose(info.description)}<p>The same for programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p></header>
<nav aria-label="Routes">${links.join("")}<b><a href="#schemas">Schemas</a></b></nav>
<main id="routes">${sections.join("")}<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>${schemas.join("")}</section></main></div></body></html>`
}
