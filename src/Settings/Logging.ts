import * as Schema from "effect/Schema"
import { LogLevelName } from "../Domain/Log.ts"
import { intBetween, withDefault } from "./Fields.ts"

/** `[logging]`: what the service writes about itself, to stderr and to `<data>/logs/service.log`. */
export const LoggingSettings = Schema.Struct({
  /** The least level that is written; the latest entries at `debug` are in memory whatever it is. */
  level: withDefault(Schema.compose(Schema.Lowercase, LogLevelName), () => "info" as const),
  /** The form on stderr; `auto` is `pretty` on a terminal, else `plain`. */
  format: withDefault(Schema.Literal("auto", "pretty", "plain", "json"), () => "auto" as const),
  file: withDefault(Schema.Boolean, () => true),
  /** Size in bytes at which the file is set aside as `service.log.1`. */
  max_bytes: withDefault(intBetween(1_000, 10_000_000_000), () => 10_000_000),
  /** How many files are kept, with the one that is written. */
  max_files: withDefault(intBetween(1, 100), () => 5)
})
