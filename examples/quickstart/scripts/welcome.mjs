// Greets whoever stands in its input.
import { readFileSync } from "node:fs"

const name = readFileSync(0, "utf8").trim()
process.stdout.write(
  `hello, ${name}: this one-shot ran for the slot ${process.env.SYMBI_SCHEDULED_FOR} and will not run again\n`
)
