import { it, makeMethods } from "@effect/vitest"

// A file's `layer` puts its own methods into the one `it` that files of a process share; each file starts with the plain ones.
makeMethods(it)
