import { open, rename, rm, stat } from "node:fs/promises"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { detailOf } from "./Details.ts"

/** The copy that is made of a database before its schema changes could not be made; the database is as it was. */
export class DatabaseNotCopied extends Data.TaggedError("DatabaseNotCopied")<{
  readonly filename: string
  readonly copy: string
  readonly cause: unknown
}> {
  override get message() {
    return `${this.filename} must be brought up to date, and no copy of it could be made before as ${this.copy}: ${detailOf(this.cause)}; make room on the disk, or see to the rights of the folder, and start again (the database was not changed)`
  }
}

/** Copies the database beside itself, as it is at this schema, and says so; a copy of the same name is replaced at the end. */
export const copyBeside = Effect.fn("JobStore.copyBeside")(function* (filename: string, schema: number) {
  const sql = yield* SqlClient
  const copy = `${filename}.schema${schema}.bak`
  const part = `${copy}.part`
  const file = <A>(work: () => Promise<A>) => Effect.tryPromise({ try: work, catch: (cause) => cause })
  const sealed = file(async () => {
    // What is in the database is nobody else's to read here either.
    const { mode } = await stat(filename)
    const handle = await open(part, "r+")
    try {
      await handle.chmod(mode & 0o777)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(part, copy)
  })
  yield* file(() => rm(part, { force: true })).pipe(
    Effect.zipRight(sql`VACUUM INTO ${part}`),
    Effect.zipRight(sealed),
    Effect.tapError(() => Effect.ignore(file(() => rm(part, { force: true })))),
    Effect.mapError((cause) => new DatabaseNotCopied({ filename, copy, cause }))
  )
  yield* Effect.logInfo(`the database is brought up to date; as it was it stays in ${copy}`)
})
