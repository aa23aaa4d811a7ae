import type { ApplyRequest, SourceFile } from "../Domain/Apply.ts"
import type { Issue } from "../Domain/Job.ts"

/** How the files of the service's own folder are named in `source_file`: `agents/ops.symbi`. */
export const ownFolder = "agents"

/**
 * What a set of files is the whole of, in terms of `source_file`: the jobs that came from these files, or from files
 * directly in these folders, are the set's to pause when their blocks are gone.
 */
export interface Scope {
  readonly files: ReadonlyArray<string>
  readonly folders: ReadonlyArray<string>
  /** The `source_file` of a file by the path that it was given under. */
  readonly fileOf: (path: string) => string
}

/** The scope of the files that the service reads itself, given under `agents/NAME`. */
export const ownScope: Scope = { files: [], folders: [ownFolder], fileOf: (path) => path }

const tidy = (path: string): string => path.replaceAll("\\", "/").replace(/(?<=.)\/+$/, "")

const isReserved = (path: string): boolean => path === ownFolder || path.startsWith(`${ownFolder}/`)

const reserved = `"${ownFolder}" names the folder that the service reads itself; give the folder's whole path, or another name`

/** The scope of a request, or what is wrong with it. `own`: the whole path of the folder that the service reads. */
export const scopeOf = ({ files, source }: ApplyRequest, own: string | null): Scope | ReadonlyArray<Issue> => {
  const issues: Array<Issue> = []
  const refuse = (path: string, message: string) => issues.push({ path, message })
  const home = own === null ? null : tidy(own)
  const inOwn = (path: string): string =>
    home !== null && path.startsWith(`${home}/`) ? `${ownFolder}${path.slice(home.length)}` : path
  const folder = source === undefined ? undefined : tidy(source)
  const seen = new Set<string>()
  files.forEach(({ path }: SourceFile, index) => {
    const at = `files.${index}.path`
    if (seen.has(path)) refuse(at, `a second file with the path ${JSON.stringify(path)}`)
    seen.add(path)
    if (folder === undefined) {
      if (isReserved(tidy(path))) refuse(at, reserved)
    } else if (/[/\\]/.test(path)) {
      refuse(at, "with a source, a path is the name of a file directly in it")
    }
  })
  if (folder !== undefined && isReserved(folder)) refuse("source", reserved)
  if (issues.length > 0) return issues
  if (folder === undefined) {
    const fileOf = (path: string) => inOwn(tidy(path))
    return { files: files.map(({ path }) => fileOf(path)), folders: [], fileOf }
  }
  const kept = folder === home ? ownFolder : folder
  return { files: [], folders: [kept], fileOf: (path) => `${kept}/${path}` }
}
