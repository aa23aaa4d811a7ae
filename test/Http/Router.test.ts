import { assert, describe, it } from "@effect/vitest"
import { makeRouter, originForm, queryOf } from "../../src/Http/Router.ts"

const route = (method: string, path: string) => ({ method, path, value: `${method} ${path}` })

const router = makeRouter([
  route("POST", "/api/jobs"),
  route("GET", "/api/jobs"),
  route("POST", "/api/jobs/preview"),
  route("GET", "/api/jobs/:id"),
  route("POST", "/api/jobs/:id/run"),
  route("GET", "/open.json")
])

const found = (method: string, target: string) => {
  const hit = router.find(method, target)
  return hit === undefined ? undefined : [hit.value, hit.params]
}

describe("makeRouter", () => {
  it("finds routes whatever the case, the slashes and the query; parameters as they are, decoded", () => {
    assert.deepStrictEqual(found("GET", "/API//Jobs/?x=/y"), ["GET /api/jobs", {}])
    assert.deepStrictEqual(found("GET", "/api/jobs/A%2Fb%20%25?x"), ["GET /api/jobs/:id", { id: "A/b %" }])
    assert.deepStrictEqual(found("GET", "/%61pi/jobs/a;b"), ["GET /api/jobs/:id", { id: "a;b" }])
    assert.deepStrictEqual(found("HEAD", originForm("http://localhost:1/open.json")), ["GET /open.json", {}])
  })

  it("takes a fixed step before a parameter, and the parameter where the step leads nowhere", () => {
    assert.deepStrictEqual(found("POST", "/api/jobs/preview"), ["POST /api/jobs/preview", {}])
    assert.deepStrictEqual(found("GET", "/api/jobs/preview"), ["GET /api/jobs/:id", { id: "preview" }])
    assert.deepStrictEqual(found("POST", "/api/jobs/preview/run"), ["POST /api/jobs/:id/run", { id: "preview" }])
  })

  it("finds nothing for what is unknown or malformed; a parameter may be long", () => {
    const id = "a".repeat(5_000)
    assert.deepStrictEqual(found("GET", `/api/jobs/${id}`), ["GET /api/jobs/:id", { id }])
    for (const target of ["/", "/api", "/api/jobs/%ff", "/api/jobs/a/b", "/openxjson"]) {
      assert.isUndefined(found("GET", target), target)
    }
    assert.isUndefined(found("BREW", "/api/jobs"))
    assert.deepStrictEqual(router.methods("/api/jobs/preview"), ["POST", "GET"])
    assert.deepStrictEqual(router.methods("/nothing"), [])
  })
})

describe("queryOf", () => {
  it("reads each parameter once or all its values, and no prototype", () => {
    assert.deepEqual({ ...queryOf("/a?x=1&y=a+b%20c&x=2&x=%zz") }, { x: ["1", "2", "%zz"], y: "a b c" })
    assert.deepEqual(Object.keys(queryOf("/a?__proto__=1")), ["__proto__"])
    assert.deepEqual({ ...queryOf("/a") }, {})
  })
})

describe("originForm", () => {
  it("is the path and the query alone: no authority, which can hold a password, and no fragment", () => {
    assert.strictEqual(originForm("http://me:secret@localhost/api?x=1#y?z"), "/api?x=1")
    assert.strictEqual(originForm("/api#?x=1"), "/api")
    assert.strictEqual(originForm("http://localhost?x"), "?x")
  })
})
