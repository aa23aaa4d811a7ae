import * as FastCheck from "effect/FastCheck"
import { cost, damaged, holdsFor, soup } from "./Damage.ts"
import { read } from "./support.ts"

const flag = (name: string, otherwise: number): number => {
  const text = process.argv.find((argument) => argument.startsWith(`--${name}=`))
  return text === undefined ? otherwise : Number(text.slice(name.length + 3).replaceAll(/[_,]/g, ""))
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const cases = flag("cases", 100_000)
const seed = flag("seed", 20_261_121)
const started = Date.now()
const tally = { cases: 0, characters: 0, schedules: 0, clean: 0, broken: 0, dearest: 0 }
let told = started

const figures = (): string =>
  [
    `${tally.cases.toLocaleString("en-US")} texts`,
    `${tally.characters.toLocaleString("en-US")} characters`,
    `${tally.schedules.toLocaleString("en-US")} schedules read`,
    `${tally.clean.toLocaleString("en-US")} texts without errors`,
    `${tally.broken.toLocaleString("en-US")} with`,
    `at most ${tally.dearest.toFixed(1)} steps a token`
  ].join(", ")

const check = (text: string): void => {
  holdsFor(text)
  const { diagnostics, schedules } = read(text)
  const { steps, tokens } = cost(text)
  tally.cases++
  tally.characters += text.length
  tally.schedules += schedules.length
  if (diagnostics.some(({ severity }) => severity === "error")) tally.broken++
  else tally.clean++
  tally.dearest = Math.max(tally.dearest, steps / (tokens + 1))
  if (Date.now() - told > 10_000) {
    told = Date.now()
    say(figures())
  }
}

say(`${cases.toLocaleString("en-US")} damaged texts, seed ${seed}`)
FastCheck.assert(FastCheck.property(damaged, check), { numRuns: cases, seed })
FastCheck.assert(FastCheck.property(soup, check), { numRuns: Math.ceil(cases / 10), seed })
say(`${figures()}, in ${Math.round((Date.now() - started) / 1_000)} s`)
// So that a run of texts that hold nothing, or nothing wrong, does not pass.
const enough = tally.schedules >= cases / 4 && tally.broken >= cases / 4 && tally.clean >= cases / 20
if (!enough) say("FAILED: too few texts held a schedule, an error, or no error")
process.exitCode = enough ? 0 : 1
