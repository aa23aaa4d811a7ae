import type { ModelAnswer, ToolUse } from "../Models.ts"
import type { Said, StopReason, TokenCounts, WireError } from "./Wire.ts"

/** Longest answer, in characters: its text, and its uses of tools. */
const maxSize = 4_194_304

interface UsePieces {
  id: string
  name: string
  arguments: string
}

const defined = <A extends object>(fields: A): Partial<A> => {
  const kept: Partial<A> = {}
  for (const key in fields) if (fields[key] !== undefined) kept[key] = fields[key]
  return kept
}

/** An answer as far as it came, put together from what is said. */
export class Draft {
  text = ""
  refusal = ""
  tokens: TokenCounts = {}
  stop: StopReason | undefined
  error: WireError | undefined
  /** Whether the end marker came. */
  ended = false
  private size = 0
  private readonly uses: Array<UsePieces> = []
  private readonly byIndex = new Map<number, UsePieces>()

  /** Whether anything of an answer came. */
  get begun(): boolean {
    return this.size > 0
  }

  get tooLong(): boolean {
    return this.size > maxSize
  }

  /** Whether nothing that may still come changes anything. */
  get over(): boolean {
    return this.ended || this.error !== undefined || this.tooLong
  }

  add(said: Said): void {
    switch (said._tag) {
      case "Text":
        this.text += said.text
        this.size += said.text.length
        return
      case "Refusal":
        this.refusal += said.text
        this.size += said.text.length
        return
      case "Use":
        this.addUse(said)
        return
      case "Tokens":
        this.tokens = { ...this.tokens, ...defined(said.tokens) }
        return
      case "Stop":
        this.stop = said.reason
        return
      case "Failed":
        this.error = said.error
        return
      case "End":
        this.ended = true
    }
  }

  answer(): ModelAnswer {
    return { text: this.text, uses: this.uses.map(asUse) }
  }

  private addUse({ arguments: more, id = "", index, name = "" }: Extract<Said, { readonly _tag: "Use" }>): void {
    const open = this.byIndex.get(index)
    // Some servers number all uses 0: another id is another use.
    const isNew = open === undefined || (id !== "" && open.id !== "" && id !== open.id)
    const use = isNew ? { id: "", name: "", arguments: "" } : open
    if (isNew) {
      this.byIndex.set(index, use)
      this.uses.push(use)
      // What a use takes with nothing in it.
      this.size += 256
    }
    if (id !== "") use.id = id
    if (name !== "") use.name = name
    use.arguments += more
    this.size += id.length + name.length + more.length
  }
}

const asUse = (use: UsePieces, index: number): ToolUse => ({
  id: use.id === "" ? `use_${index + 1}` : use.id,
  name: use.name,
  // A tool without parameters is often used without any arguments.
  arguments: use.arguments.trim() === "" ? "{}" : use.arguments
})
