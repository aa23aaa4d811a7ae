// Appends its arguments and what it was given besides, as one line of JSON, to the file that the first one names.
import { appendFileSync } from "node:fs"

const [, , file, ...args] = process.argv
appendFileSync(file, `${JSON.stringify({ args, cwd: process.cwd(), env: process.env })}\n`)
process.stdout.write(args.join("|"))
