import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Block, blocksOf, commandsOf, idsInPlaceOf, pages, textOf } from "../support/Documentation.ts"
import { reader } from "../support/Reader.ts"
import { folderWith } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** What the pages' readers have beforehand, where a page does not say it itself. */
const given: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "docs/logs-and-traces.md": {
    "agents/report.symbi": `agent reporter { command: ["sh", "-c", "echo looking >&2; echo report"] }
schedule { name: "nightly-report" agent: "reporter" cron: "0 2 * * *" }
`
  }
}

/** Commands that are not run here, by their beginning, and why. */
const notRun: ReadonlyArray<readonly [page: string, begins: string, why: string]> = [
  ["README.md", "npm ci && npm start", "Quickstart.test.ts starts it; a test installs nothing over itself"],
  ["README.md", "npm ci && npm test", "this is npm test"],
  ["docs/agents.md", "symbi run poet", "needs a model: AgentsGuide.test.ts runs it against a double of the provider"],
  ["docs/agents.md", "symbi run helper", "needs a model: AgentsGuide.test.ts runs it against a double of the provider"],
  ["docs/agents.md", "PORT=9000 node", "takes a fixed port: AgentsGuide.test.ts runs it on a free one"],
  ["docs/agents.md", "AGENT_PORT=9000 symbi run counter", "asks that port: AgentsGuide.test.ts runs it"],
  ["docs/sdk.md", "npm install", "Embedding.test.ts packs the package and installs it"],
  ["docs/sdk.md", "pip install", "Sdk.test.ts installs it, into a folder of its own"]
]

/** Blocks in other languages than the shell's that are not checked here, by language and name, and why. */
const notChecked: ReadonlyArray<readonly [page: string, language: string, name: string, why: string]> = [
  ["docs/agents.md", "js", "agent-server.mjs", "AgentsGuide.test.ts runs it"],
  ["docs/agents.md", "ts", "agent.ts", "AgentsGuide.test.ts runs it"],
  ["docs/logs-and-traces.md", "text", "", "the drawing of a trace; Telemetry.test.ts looks at real ones"],
  ...["first", "run", "errors", "pages", "limits"].flatMap((name) => [
    ["docs/sdk.md", "ts", `${name}.ts`, "Sdk.test.ts type-checks and runs it"] as const,
    ["docs/sdk.md", "python", `${name}.py`, "Sdk.test.ts runs it"] as const
  ]),
  ["docs/sdk.md", "ts", "effect.ts", "Sdk.test.ts type-checks and runs it"]
]

const isShell = ({ language }: Block) => language === "sh" || language === "console"

const isExcused = (block: Block) =>
  notChecked.some(([page, language, name]) => page === block.page && language === block.language && name === block.name)

const place = ({ line, page }: Block) => `${page}:${line}`

/** A text of TOML or of definitions names variables; their values do not matter here. */
const variablesIn = (text: string): Record<string, string> =>
  Object.fromEntries(Array.from(text.matchAll(/\$\{(\w+)\}/g), ([, name = ""]) => [name, "a-value-0123456789abcdef"]))

const checks: Readonly<Record<string, (block: Block) => Effect.Effect<void>>> = {
  toml: (block) =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "symbiont.toml": block.text })
      const { code, stderr } = yield* symbi(["config"], { cwd: folder, env: variablesIn(block.text) })
      assert.deepStrictEqual([code, stderr], [0, ""], place(block))
    }).pipe(Effect.scoped),
  symbi: (block) =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/block.symbi": block.text })
      const { code, stderr, stdout } = yield* symbi(["validate"], { cwd: folder, env: variablesIn(block.text) })
      assert.strictEqual(code, 0, `${place(block)}\n${stdout}${stderr}`)
    }).pipe(Effect.scoped),
  json: (block) => Effect.sync(() => assert.doesNotThrow(() => JSON.parse(block.text), place(block))),
  // Fragments that import: what they import must be there.
  ts: (block) =>
    Effect.promise(async () => {
      const imports = [...block.text.matchAll(/^import \{([^}]+)\} from "symbiont-scheduler(\/sdk)?"$/gm)]
      assert.isAbove(imports.length, 0, place(block))
      for (const [, names = "", sdk] of imports) {
        const module: object = sdk === undefined ? await import("../../src/index.ts") : await import("../../src/Sdk.ts")
        for (const name of names.split(",")) assert.property(module, name.trim(), place(block))
      }
    }),
  python: (block) =>
    Effect.sync(() => {
      const exported = readFileSync(join(root, "sdk/python/symbiont/__init__.py"), "utf8")
      const [, names = ""] = /^from symbiont import (.+)$/m.exec(block.text) ?? []
      assert.isNotEmpty(names, place(block))
      for (const name of names.split(",")) assert.match(exported, new RegExp(`"${name.trim()}"`), place(block))
    })
}

const blocks = pages.flatMap(blocksOf)
const isNotRun = (page: string, text: string) => notRun.some(([on, begins]) => on === page && text.startsWith(begins))

/** A reader has the files that the page names, and a service unless the page starts one first. */
const follow = Effect.fnUntraced(function* (page: string) {
  const own = blocksOf(page)
  const shown = own.flatMap(({ name, text }) => (name === "" ? [] : [[name, text] as const]))
  const { follow } = yield* reader({ ...given[page], ...Object.fromEntries(shown) })
  const commands = own
    .filter(isShell)
    .flatMap(commandsOf)
    .filter(({ text }) => !isNotRun(page, text))
  if (page !== "README.md" && commands.length > 0) {
    yield* follow({ where: `${page}, its service`, text: "symbi up", shown: "", exit: 0 })
  }
  yield* Effect.forEach(commands, follow, { discard: true })
})

describe("README.md and the guides", () => {
  it("have no block that nobody runs or checks", () => {
    for (const block of blocks) {
      const told = `${place(block)}: ${block.language === "" ? "a block without language" : block.language}`
      assert.isTrue(isShell(block) || isExcused(block) || checks[block.language] !== undefined, told)
      if (isShell(block)) assert.isNotEmpty(commandsOf(block), `${told} without a command`)
    }
    for (const [page, begins] of notRun) {
      const commands = blocksOf(page).filter(isShell).flatMap(commandsOf)
      assert.isTrue(
        commands.some(({ text }) => text.startsWith(begins)),
        `${page} has no "${begins}" to excuse`
      )
    }
    for (const [page, language, name] of notChecked) {
      const told = `${page} has no ${language} ${name} to excuse`
      assert.isTrue(
        blocksOf(page).some((block) => block.language === language && block.name === name),
        told
      )
    }
    for (const page of Object.keys(given)) assert.include(pages, page)
  })

  it("name only commands and options that there are", () => {
    const help: Readonly<Record<string, string>> = JSON.parse(readFileSync(join(root, "dist/help.json"), "utf8"))
    for (const page of pages) {
      const prose = textOf(page).replace(/^```[\s\S]*?^```$/gm, "")
      for (const [, inline = ""] of prose.matchAll(/`(symbi [^`]+)`/g)) {
        const [, ...words] = inline.split(/[\s]+/)
        const [first = "", second = ""] = words
        // `a|b` stands for either.
        const names = first === "help" || first.startsWith("-") ? [""] : [first]
        for (const name of names) assert.property(help, name, `${page}: \`${inline}\``)
        const seconds = second.split("|").filter((word) => `${first} ${word}` in help)
        const isGroup = Object.keys(help).some((name) => name.startsWith(`${first} `))
        if (isGroup && second !== "") assert.isNotEmpty(seconds, `${page}: \`${inline}\``)
        for (const name of seconds.length > 0 ? seconds.map((word) => `${first} ${word}`) : names) {
          for (const [option] of inline.matchAll(/(?<=\s\[?)--[a-z-]+/g)) {
            const known = (help[name] ?? "").includes(option) || (help[""] ?? "").includes(option)
            assert.isTrue(known, `${page}: \`${inline}\`: symbi ${name} has no ${option}`)
          }
        }
      }
    }
  })

  it("link to what there is", () => {
    const anchors = (page: string) =>
      Array.from(textOf(page).matchAll(/^#+ (.+)$/gm), ([, title = ""]) =>
        title
          .toLowerCase()
          .replace(/[^\w\s-]/g, "")
          .replace(/\s/g, "-")
      )
    for (const page of [...pages, "sdk/python/README.md"]) {
      for (const [, target = ""] of textOf(page).matchAll(/\]\(([^)]+)\)/g)) {
        if (/^https?:/.test(target)) continue
        const [path = "", anchor] = target.split("#")
        const file = path === "" ? page : join(dirname(page), path)
        assert.isTrue(existsSync(join(root, file)), `${page}: ${target}`)
        if (anchor !== undefined) assert.include(anchors(file), anchor, `${page}: ${target}`)
      }
    }
  })

  it.live(
    "show files, settings and programs that are good",
    () =>
      Effect.forEach(
        blocks.filter((block) => !isShell(block) && !isExcused(block)),
        (block) => checks[block.language]?.(block) ?? Effect.void,
        { concurrency: 2, discard: true }
      ),
    60_000
  )

  for (const page of pages) {
    it.scopedLive(`${page}: what it says comes out as it says`, () => follow(page), 120_000)
  }
})

describe("the comparison with what a page shows", () => {
  const run = (end: string) => `run_01m7xgymnc30h5pps56h31v2x${end}`

  it("passes over what varies, and tells which ids stand for which", () => {
    const shown = `RUN  AT  TOOK\n${run("r")}  2026-11-20T22:24:07.845Z  72ms`
    const said = `RUN   AT   TOOK\n${run("s")}  2027-01-02T03:04:05.006Z  1m5s  \n`
    assert.deepStrictEqual(idsInPlaceOf(shown, said), new Map([[run("r"), run("s")]]))
    assert.deepStrictEqual(idsInPlaceOf("a\n…\nz", "a\nb\nc\nz\n"), new Map())
    assert.deepStrictEqual(idsInPlaceOf("ended 9s ago", "ended now"), new Map())
    assert.deepStrictEqual(idsInPlaceOf("{..., 1}", "{2, 1}"), new Map())
  })

  it("does not pass over anything else", () => {
    for (const [shown, said] of [
      ["3 files", "4 files"],
      ["a", "a\nb"],
      ["paused", "Paused"],
      ["exits.", "exitsX"],
      [`${run("r")} succeeded`, `${run("s")} failed`],
      ["at 2026-11-20T22:24:07.845Z", "at noon"]
    ] as const) {
      assert.isUndefined(idsInPlaceOf(shown, said), shown)
    }
  })
})
