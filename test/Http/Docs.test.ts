import { assert, describe, it } from "@effect/vitest"
import { renderDocs } from "../../src/Http/Docs.ts"
import { openApiDocument } from "../../src/OpenApi.ts"

const document = openApiDocument()
const page = renderDocs(document)
const all = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, found = ""]) => found)

describe("the page at /docs", () => {
  it("loads nothing and runs nothing", () => {
    assert.notMatch(page, /<(script|link|img|iframe|form|object)\b|\bsrc=|@import|url\(|\son\w+=/i)
    assert.deepStrictEqual(
      all(/href="([^"]*)"/g).filter((href) => !href.startsWith("#") && href !== "/openapi.json"),
      []
    )
  })

  it("has every route, and a place for every link", () => {
    const ids = all(/\sid="([^"]*)"/g)
    assert.strictEqual(new Set(ids).size, ids.length, "ids are there once")
    for (const [path, item] of Object.entries(document.paths)) {
      for (const { operationId } of Object.values(item)) assert.include(ids, operationId.replaceAll(".", "-"))
      assert.include(page, `<code>${path}</code>`)
    }
    for (const target of all(/href="#([^"]*)"/g)) assert.include(ids, target)
  })

  it("can be found one's way in: a title, one first heading, no level left out, landmarks", () => {
    assert.match(page, /<html lang="en">.*<title>Symbiont Scheduler [^<]+: HTTP API<\/title>/s)
    const levels = all(/<h([1-6])[ >]/g).map(Number)
    assert.strictEqual(levels.filter((level) => level === 1).length, 1)
    levels.forEach((level, index) => {
      assert.isAtMost(level, (levels[index - 1] ?? 0) + 1, `heading ${index}`)
    })
    for (const landmark of ["<header>", '<nav aria-label="Routes">', '<main id="routes">', 'href="#routes"']) {
      assert.include(page, landmark)
    }
  })

  it("shows texts as they are", () => {
    const hostile = `<script>alert("x")</script> & 'y'`
    const { info, ...rest } = document
    const shown = renderDocs({ ...rest, info: { ...info, title: hostile, description: hostile } })
    assert.notInclude(shown, "<script")
    assert.include(shown, "&#60;script&#62;")
  })
})
