import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { loadSettings } from "../src/Settings.ts"

type Input = Parameters<typeof loadSettings>[0]

/** Loads a configuration file of that text; `#` in expected messages stands for its path. */
const load = (text: string, env: Input["env"] = {}, overrides: Input["overrides"] = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* Effect.orDie(fs.makeTempDirectoryScoped())
    const file = `${folder}/symbiont.toml`
    yield* Effect.orDie(fs.writeFileString(file, text))
    const shorten = (message: string) => message.replaceAll(file, "#")
    return yield* loadSettings({ configFile: Option.some(file), env, overrides }).pipe(
      Effect.map((loaded) => ({ ...loaded, warnings: loaded.warnings.map(shorten), folder })),
      Effect.mapError((error) => shorten(error.message))
    )
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const bare = (env: Input["env"] = {}, overrides: Input["overrides"] = {}) =>
  loadSettings({ configFile: Option.none(), env, overrides }).pipe(Effect.provide(NodeContext.layer))

const problem = (text: string, env: Input["env"] = {}) => Effect.flip(load(text, env))

describe("loadSettings", () => {
  it.effect("gives the documented defaults without a file", () =>
    Effect.gen(function* () {
      const { settings, warnings } = yield* bare()
      assert.deepStrictEqual(settings, {
        scheduler: {
          tick_interval_seconds: 1,
          max_jitter_seconds: 0,
          max_concurrent_jobs: 10,
          enable_metrics: true,
          default_max_retries: 3,
          shutdown_timeout_seconds: 30,
          timezone: "UTC",
          environment: "development",
          default_max_runtime: settings.scheduler.default_max_runtime,
          misfire_grace: settings.scheduler.misfire_grace,
          retention: settings.scheduler.retention,
          delivery: settings.scheduler.delivery
        },
        server: {
          host: "127.0.0.1",
          port: 8080,
          api_keys: [],
          rate_limit: 100,
          request_timeout: settings.server.request_timeout
        },
        agentpin: { required: false },
        providers: settings.providers,
        logging: { level: "info", format: "auto", file: true, max_bytes: 10_000_000, max_files: 5 },
        telemetry: {
          resource_attributes: "",
          traces_sampler: "parentbased_always_on",
          traces_sampler_arg: 1,
          disabled: false
        },
        data_dir: `${process.cwd()}/.symbi`
      })
      assert.deepStrictEqual([settings.scheduler.default_max_runtime, settings.scheduler.misfire_grace], [
        "1h",
        "60s"
      ] as Array<string>)
      assert.strictEqual<string>(settings.server.request_timeout, "30s")
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.effect("takes the guide's six keys from the file", () =>
    Effect.gen(function* () {
      const { settings, warnings } = yield* load(`
[scheduler]
tick_interval_seconds = 2
max_jitter_seconds = 30
max_concurrent_jobs = 20
enable_metrics = false
default_max_retries = 5
shutdown_timeout_seconds = 60
`)
      const { scheduler } = settings
      assert.deepStrictEqual(
        [scheduler.tick_interval_seconds, scheduler.max_jitter_seconds, scheduler.max_concurrent_jobs],
        [2, 30, 20]
      )
      assert.deepStrictEqual(
        [scheduler.enable_metrics, scheduler.default_max_retries, scheduler.shutdown_timeout_seconds],
        [false, 5, 60]
      )
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.effect("prefers options to environment, environment to file, file to defaults", () =>
    Effect.gen(function* () {
      const text = "[scheduler]\nmax_jitter_seconds = 1\nmax_concurrent_jobs = 2\n[server]\nport = 3\nhost = 'file'"
      const env = {
        SYMBI_SCHEDULER_MAX_JITTER: "11",
        SYMBI_SCHEDULER_MAX_CONCURRENT: "12",
        SYMBI_PORT: "13",
        SYMBI_HOST: "env",
        SYMBI_ENVIRONMENT: "staging"
      }
      const fromFile = (yield* load(text)).settings
      const fromEnv = (yield* load(text, env)).settings
      const fromOptions = (yield* load(text, env, { port: 23, host: "option" })).settings
      const summary = ({ scheduler, server }: typeof fromFile) => [
        scheduler.max_jitter_seconds,
        scheduler.max_concurrent_jobs,
        server.port,
        server.host,
        scheduler.environment
      ]
      assert.deepStrictEqual(summary(fromFile), [1, 2, 3, "file", "development"])
      assert.deepStrictEqual(summary(fromEnv), [11, 12, 13, "env", "staging"])
      assert.deepStrictEqual(summary(fromOptions), [11, 12, 23, "option", "staging"])
    })
  )

  it.effect("takes an empty variable as unset", () =>
    Effect.gen(function* () {
      const { settings } = yield* bare({ SYMBI_PORT: "", SYMBI_HOST: "", SYMBI_DATA_DIR: "", SYMBI_API_KEYS: "" })
      assert.deepInclude(settings.server, { host: "127.0.0.1", port: 8080, api_keys: [] })
      assert.strictEqual(settings.data_dir, `${process.cwd()}/.symbi`)
    })
  )

  it.effect("keeps the data beside the file unless told otherwise", () =>
    Effect.gen(function* () {
      const beside = yield* load("")
      assert.strictEqual(beside.settings.data_dir, `${beside.folder}/.symbi`)
      const env = { SYMBI_DATA_DIR: "/var/symbi" }
      assert.strictEqual((yield* load("", env)).settings.data_dir, "/var/symbi")
      assert.strictEqual((yield* load("", env, { data_dir: "/else" })).settings.data_dir, "/else")
    })
  )

  it.effect("resolves variables in texts", () =>
    Effect.gen(function* () {
      const text = `[scheduler]\nenvironment = "\${STAGE}-eu"\ntimezone = 'Europe/Berlin'`
      assert.strictEqual((yield* load(text, { STAGE: "prod" })).settings.scheduler.environment, "prod-eu")
      assert.strictEqual(
        yield* problem(text),
        "#:2: scheduler.environment: the environment variable STAGE is not set; set it, or write the value"
      )
    })
  )

  it.effect("warns of unknown keys and what they may stand for", () =>
    Effect.gen(function* () {
      const { warnings } = yield* load(`max_jitter_seconds = 1
[scheduler]
max_jiter_seconds = 3
colour = "blue"
toString = 1
[schedular]
x = 1
[constructor]
name = "x"
`)
      assert.deepStrictEqual(warnings, [
        "#:1: unknown key max_jitter_seconds; it belongs under [scheduler]",
        "#:3: unknown key scheduler.max_jiter_seconds; did you mean max_jitter_seconds?",
        "#:4: unknown key scheduler.colour",
        "#:5: unknown key scheduler.toString",
        "#:6: unknown section [schedular]; did you mean scheduler?",
        "#:8: unknown section [constructor]"
      ])
    })
  )

  const guideDelivery = `[scheduler]
[scheduler.delivery]
webhook_timeout_seconds = 20
webhook_retry_attempts = 5
slack_api_token = "\${SLACK_API_TOKEN}"
slack_default_channel = "#ops"
smtp_host = "smtp.example.com"
smtp_port = 2525
smtp_username = "\${SMTP_USER}"
smtp_password = "\${SMTP_PASS}"
email_from = "symbiont@example.com"
`
  const accounts = { SLACK_API_TOKEN: "xoxb-file", SMTP_USER: "postman", SMTP_PASS: "canary-pass" }

  it.effect("takes the guide's delivery section, its variables filled in", () =>
    Effect.gen(function* () {
      const { settings, warnings } = yield* load(guideDelivery, accounts)
      const { delivery } = settings.scheduler
      assert.deepStrictEqual(warnings, [])
      assert.deepInclude(delivery, {
        webhook_timeout_seconds: 20,
        webhook_retry_attempts: 5,
        slack_default_channel: "#ops",
        smtp_host: "smtp.example.com",
        smtp_port: 2525,
        smtp_username: "postman",
        email_from: "symbiont@example.com"
      })
      assert.strictEqual(delivery.slack_api_token && Redacted.value(delivery.slack_api_token), "xoxb-file")
      assert.isFalse(JSON.stringify(settings).includes("canary-pass"))
    })
  )

  it.effect("lets the environment's Slack token and Authorization header win over the file", () =>
    Effect.gen(function* () {
      const env = { SYMBI_SLACK_TOKEN: "xoxb-env", SYMBI_WEBHOOK_AUTH_HEADER: "Bearer env" }
      const { settings, warnings } = yield* load(guideDelivery, { ...env, SMTP_USER: "postman", SMTP_PASS: "x" })
      const { slack_api_token, webhook_auth_header } = settings.scheduler.delivery
      const held = [slack_api_token, webhook_auth_header].map((one) => one && Redacted.value(one))
      assert.deepStrictEqual(held, ["xoxb-env", "Bearer env"])
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.effect("starts without the account of a channel, and says so", () =>
    Effect.gen(function* () {
      const { settings, warnings } = yield* load(guideDelivery, { SMTP_USER: "postman", SMTP_PASS: "x" })
      assert.isUndefined(settings.scheduler.delivery.slack_api_token)
      assert.deepStrictEqual(warnings, [
        "#:5: scheduler.delivery.slack_api_token: the environment variable SLACK_API_TOKEN is not set; deliveries that need it fail until it is"
      ])
    })
  )

  it.effect("remembers which keys of channels have a variable that is not set", () =>
    Effect.gen(function* () {
      const text = `[scheduler.delivery]
webhook_secret = "\${WS}"
slack_api_token = "\${TOKEN}"
smtp_tls = "\${TLS}"
allow_hosts = ["10.0.0.0/8", "\${HOST}"]
[scheduler.delivery.custom.pager]
command = ["page", "\${PAGER}"]
timeout = "1s"`
      const { settings } = yield* load(text, { SYMBI_SLACK_TOKEN: "xoxb-env" })
      assert.deepStrictEqual(settings.unset, [
        { key: "scheduler.delivery.webhook_secret", variable: "WS" },
        { key: "scheduler.delivery.smtp_tls", variable: "TLS" },
        { key: "scheduler.delivery.custom.pager.command", variable: "PAGER" }
      ])
      assert.deepStrictEqual(settings.scheduler.delivery.allow_hosts, ["10.0.0.0/8"])
      assert.deepStrictEqual(settings.scheduler.delivery.custom, {})
      const all = { WS: "s", TLS: "required", HOST: "a", PAGER: "p" }
      assert.notProperty((yield* load(text, { ...all, TOKEN: "t" })).settings, "unset")
    })
  )

  it.effect("shows secrets of deliveries only as variables, wherever settings are shown", () =>
    Effect.gen(function* () {
      const written = guideDelivery.replace(/\$\{SLACK_API_TOKEN\}/, "canary-token")
      const { effective } = yield* load(written, { ...accounts, SYMBI_WEBHOOK_AUTH_HEADER: "Bearer canary-header" })
      const shown = (key: string) => effective.find((one) => one.key === `scheduler.delivery.${key}`)?.value
      assert.notInclude(JSON.stringify(effective), "canary")
      assert.deepStrictEqual(
        [shown("slack_api_token"), shown("smtp_password"), shown("webhook_auth_header"), shown("smtp_port")],
        ["[redacted]", `\${SMTP_PASS}`, "[redacted]", 2525]
      )
    })
  )

  it.effect("shows of a command its program and its variables, and nothing else that is written there", () =>
    Effect.gen(function* () {
      const table = "[scheduler.delivery.custom.pager]"
      const command = `["curl", "-H", "Authorization: Bearer canary", "\${KEY}", "canary\${KEY}"]`
      const { effective } = yield* load(`${table}\ncommand = ${command}`, { KEY: "canary" })
      const shown = effective.find(({ key }) => key === "scheduler.delivery.custom.pager.command")?.value
      assert.strictEqual(shown, `curl, [redacted], [redacted], \${KEY}, [redacted]`)
      assert.notInclude(JSON.stringify(effective), "canary")
    })
  )

  it.effect("reads tables of channels and commands, and names what is wrong in them", () =>
    Effect.gen(function* () {
      const { settings, warnings } = yield* load(
        `
[scheduler.delivery.channels.webhook]
concurrency = 2
[scheduler.delivery.channels."custom:pager"]
rate_limit = 5
[scheduler.delivery.custom.pager]
command = ["page", "\${PAGER_KEY}"]
comand = "x"
`,
        { PAGER_KEY: "k" }
      )
      const { channels, custom } = settings.scheduler.delivery
      assert.deepStrictEqual(channels["webhook"], { concurrency: 2 })
      assert.deepStrictEqual(channels["custom:pager"], { rate_limit: 5 })
      assert.deepStrictEqual<unknown>(custom["pager"], { command: ["page", "k"], timeout: "30s" })
      assert.deepStrictEqual(warnings, [
        "#:8: unknown key scheduler.delivery.custom.pager.comand; did you mean command?"
      ])
      assert.include(
        yield* problem("[scheduler.delivery.channels.pigeon]\nconcurrency = 1"),
        "#:1: scheduler.delivery.channels.pigeon: there is no such channel; use one of stdout"
      )
      assert.include(yield* problem("[scheduler.delivery]\ncustom = 3"), "[scheduler.delivery.custom]")
      assert.include(
        yield* problem('[scheduler.delivery.custom.pager]\ncommand = "page"'),
        "#:2: scheduler.delivery.custom.pager.command"
      )
    })
  )

  it.effect("leaves out what OpenTelemetry's variables say that it does not know, and says so", () =>
    Effect.gen(function* () {
      const { settings, warnings } = yield* load('[telemetry]\nservice_name = "nightly"', {
        OTEL_TRACES_SAMPLER: "jaeger_remote",
        OTEL_TRACES_SAMPLER_ARG: "half",
        OTEL_EXPORTER_OTLP_ENDPOINT: "grpc://bob:hunter2@collector:4317",
        OTEL_EXPORTER_OTLP_HEADERS: "hunter2",
        OTEL_RESOURCE_ATTRIBUTES: "team",
        OTEL_SDK_DISABLED: "TRUE"
      })
      const { disabled, otlp_endpoint, service_name, traces_sampler, traces_sampler_arg } = settings.telemetry
      assert.deepStrictEqual(
        [disabled, otlp_endpoint, service_name, traces_sampler, traces_sampler_arg],
        [true, undefined, "nightly", "parentbased_always_on", 1]
      )
      const left = (name: string, found = "") =>
        `environment variable OTEL_${name}: its value${found} is none that this service knows; it is left out`
      assert.sameMembers(
        [...warnings],
        [
          left("TRACES_SAMPLER", ' ("jaeger_remote")'),
          left("TRACES_SAMPLER_ARG", ' ("half")'),
          left("EXPORTER_OTLP_ENDPOINT", ' ("grpc://collector:4317")'),
          left("EXPORTER_OTLP_HEADERS"),
          left("RESOURCE_ATTRIBUTES", ' ("team")')
        ]
      )
    })
  )

  it.effect("shows addresses without users and passwords", () =>
    Effect.gen(function* () {
      const { effective, settings } = yield* bare({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://bob:hunter2@collector:4318" })
      assert.strictEqual(settings.telemetry.otlp_endpoint, "http://bob:hunter2@collector:4318")
      const shown = effective.find(({ key }) => key === "telemetry.otlp_endpoint")
      assert.strictEqual(shown?.value, "http://collector:4318")
      const wrong = yield* problem('[telemetry]\notlp_endpoint = "bob:hunter2@collector"')
      assert.notInclude(wrong, "hunter2")
    })
  )

  it.effect("takes log levels in any case", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* bare({ SYMBI_LOG_LEVEL: "WARN" })).settings.logging.level, "warn")
      assert.strictEqual((yield* load('[logging]\nlevel = "Debug"')).settings.logging.level, "debug")
      assert.include(yield* problem("", { SYMBI_LOG_LEVEL: "loud" }), "SYMBI_LOG_LEVEL: expected")
    })
  )

  it.effect("warns of variables that nothing reads", () =>
    Effect.gen(function* () {
      const { warnings } = yield* bare({ SYMBI_SCHEDULER_MAX_JITER: "3", PATH: "/bin" })
      assert.deepStrictEqual(warnings, [
        "unknown environment variable SYMBI_SCHEDULER_MAX_JITER; did you mean SYMBI_SCHEDULER_MAX_JITTER?"
      ])
    })
  )

  it.effect("refuses bad values with file, line, key, expectation and finding, all at once", () =>
    Effect.gen(function* () {
      const message = yield* problem(`# settings
[scheduler]
tick_interval_seconds = 61
max_jitter_seconds = "soon"
enable_metrics = "yes"
timezone = "Mars/Base"
default_max_runtime = "forever"
misfire_grace = 5
environment = ""

[server]
port = 80.5
host = []
`)
      assert.sameMembers(message.split("\n"), [
        "#:3: scheduler.tick_interval_seconds: expected a whole number from 1 to 60, found 61",
        `#:4: scheduler.max_jitter_seconds: expected a whole number from 0 to 86400, found "soon"`,
        `#:5: scheduler.enable_metrics: expected true or false, found "yes"`,
        `#:6: scheduler.timezone: "Mars/Base" is no known IANA time zone; use a name such as "UTC" or "America/New_York"`,
        `#:9: scheduler.environment: expected a text that is not empty, found ""`,
        `#:7: scheduler.default_max_runtime: expected a positive duration such as "90s", "5m" or "1h30m" or "none", found "forever"`,
        `#:8: scheduler.misfire_grace: expected a positive duration such as "90s", "5m" or "1h30m", found 5`,
        "#:12: server.port: expected a whole number from 0 to 65535, found 80.5",
        "#:13: server.host: expected a text, found a list"
      ])
    })
  )

  it.effect("finds the line of a key however its table is written", () =>
    Effect.gen(function* () {
      const found = "scheduler.max_jitter_seconds: expected a whole number from 0 to 86400, found -1"
      for (const text of ["scheduler.max_jitter_seconds = -1", `scheduler = { max_jitter_seconds = -1 }`]) {
        assert.strictEqual(yield* problem(`\n${text}`), `#:2: ${found}`)
      }
      assert.strictEqual(yield* problem(`[ "scheduler" ]\r\n\r\n  'max_jitter_seconds'=-1\r\n`), `#:3: ${found}`)
    })
  )

  it.effect("refuses bad values of variables and options, naming them", () =>
    Effect.gen(function* () {
      const message = yield* problem("", { SYMBI_PORT: "http", SYMBI_SCHEDULER_MAX_CONCURRENT: "0" })
      assert.deepStrictEqual(message.split("\n"), [
        `environment variable SYMBI_SCHEDULER_MAX_CONCURRENT: expected a whole number from 1 to 100000, found "0"`,
        `environment variable SYMBI_PORT: expected a whole number from 0 to 65535, found "http"`
      ])
      const option = yield* Effect.flip(bare({}, { port: 70_000 }))
      assert.strictEqual(option.message, "option --port: expected a whole number from 0 to 65535, found 70000")
    })
  )

  it.effect("says where the TOML is invalid", () =>
    Effect.gen(function* () {
      assert.match(yield* problem("[scheduler]\nmax_jitter_seconds = = 3\n"), /^#:2:\d+: invalid TOML: [^\n]+$/)
      assert.strictEqual(
        yield* problem("scheduler = 3"),
        "#:1: scheduler: expected a table, found 3; write [scheduler]"
      )
    })
  )

  it.effect("refuses a file that is not there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        loadSettings({ configFile: Option.some("/nowhere/symbiont.toml"), env: {}, overrides: {} })
      )
      assert.match(error.message, /^\/nowhere\/symbiont.toml: no such file/)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.effect("does not show the value of a variable that was put into a key", () =>
    Effect.gen(function* () {
      const message = yield* problem(`[server]\nport = "\${SECRET}"`, { SECRET: "hush" })
      assert.notInclude(message, "hush")
      assert.include(message, "SECRET")
    })
  )
})
