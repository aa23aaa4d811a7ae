import { execFile } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { eventually } from "./Service.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const { resolve } = createRequire(import.meta.url)

/** TypeScript's compiler. */
export const tsc = join(dirname(resolve("typescript/package.json")), "bin", "tsc")

const newest = (folder: string): number =>
  Math.max(...readdirSync(folder, { recursive: true }).map((path) => statSync(join(folder, String(path))).mtimeMs))

const compile = Effect.async<void>((resume, signal) => {
  execFile(process.execPath, [tsc, "-p", "tsconfig.build.json"], { cwd: root, signal }, (error, stdout) => {
    resume(error === null ? Effect.void : Effect.die(new Error(`the library cannot be built:\n${stdout}`)))
  })
})

const lock = join(root, "dist", ".building")

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const takeLock = Effect.sync(() => {
  try {
    mkdirSync(lock)
    writeFileSync(join(lock, "pid"), String(process.pid))
    return true
  } catch {
    const owner = join(lock, "pid")
    if (existsSync(owner) && !isAlive(Number(readFileSync(owner, "utf8")))) rmSync(lock, { recursive: true })
    return undefined
  }
})

/**
 * Builds dist/lib when it is older than its sources, one test after the other. Only the library: a whole build would
 * take the program away under the tests that run beside.
 */
export const buildLibrary = Effect.gen(function* () {
  mkdirSync(join(root, "dist"), { recursive: true })
  yield* Effect.acquireRelease(eventually("the build of another test", takeLock, "5 minutes"), () =>
    Effect.sync(() => rmSync(lock, { recursive: true, force: true }))
  )
  const built = join(root, "dist", "lib", "index.js")
  const fresh = existsSync(built) && statSync(built).mtimeMs > newest(join(root, "src"))
  if (!fresh) yield* compile
}).pipe(Effect.scoped)

/**
 * Compiles programs of a folder as TypeScript's compiler does, but looks for mistakes only in the files that are wanted,
 * by their path in the folder: those of other packages take most of its time. Gives these files and their mistakes.
 */
export const compiled = (
  folder: string,
  programs: ReadonlyArray<string>,
  compilerOptions: Readonly<Record<string, unknown>>,
  isWanted: (path: string) => boolean
) =>
  Effect.promise(async () => {
    const { default: ts } = await import("typescript")
    const real = realpathSync(folder)
    const { errors, options } = ts.convertCompilerOptionsFromJson(compilerOptions, real)
    const program = ts.createProgram(
      programs.map((name) => join(real, name)),
      { ...options, typeRoots: [join(real, "node_modules/@types")] }
    )
    const wanted = program.getSourceFiles().filter(({ fileName }) => isWanted(relative(real, fileName)))
    const mistakes = [
      ...errors,
      ...program.getOptionsDiagnostics(),
      ...wanted.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    ]
    for (const file of wanted) if (!file.isDeclarationFile) program.emit(file)
    const host = {
      getCurrentDirectory: () => real,
      getCanonicalFileName: (name: string) => name,
      getNewLine: () => "\n"
    }
    return {
      checked: wanted.map(({ fileName }) => relative(real, fileName)),
      errors: mistakes.map((mistake) => ts.formatDiagnostic(mistake, host).trim())
    }
  })
