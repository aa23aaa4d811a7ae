import type { ModelAnswer } from "../Models.ts"
import { type Blanking, blankingOf } from "../Secrets.ts"
import type { Said, StopReason, TokenCounts, WireError } from "./Wire.ts"

/** Longest answer, in characters: its text, and its uses of tools. */
const maxSize = 4_194_304

interface UsePieces {
  id: string
  name: string
  arguments: string
  readonly json: JsonEnd
}

/** Finds where the object that a text begins with ends, while it comes in pieces. */
class JsonEnd {
  private depth = 0
  private inString = false
  private escaped = false
  /** Whether the end came. */
  reached = false

  add(piece: string): void {
    for (const character of piece) {
      if (this.escaped) this.escaped = false
      else if (this.inString && character === "\\") this.escaped = true
      else if (character === '"') this.inString = !this.inString
      else if (!this.inString && character === "{") this.depth++
      else if (!this.inString && character === "}" && this.depth > 0 && --this.depth === 0) this.reached = true
    }
  }
}

const defined = <A extends object>(fields: A): Partial<A> => {
  const kept: Partial<A> = {}
  for (const key in fields) if (fields[key] !== undefined) kept[key] = fields[key]
  return kept
}

/** An answer as far as it came, put together from what is said, without what is blanked. */
export class Draft {
  refusal = ""
  tokens: TokenCounts = {}
  stop: StopReason | undefined
  error: WireError | undefined
  /** Whether the end marker came. */
  ended = false
  private size = 0
  private shown = ""
  private readonly pieces: ReturnType<Blanking["pieces"]>
  private readonly uses: Array<UsePieces> = []
  private readonly byIndex = new Map<number, UsePieces>()
  private readonly byId = new Map<string, UsePieces>()
  private latest: UsePieces | undefined

  constructor(private readonly blanking: Blanking = blankingOf([])) {
    this.pieces = blanking.pieces()
  }

  get text(): string {
    return this.shown + this.rest
  }

  /** What of the text was not given to be passed on, as what follows may make it a secret. */
  get rest(): string {
    return this.pieces.rest()
  }

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

  /** Gives the text that may be passed on, perhaps none. */
  add(said: Said): string {
    switch (said._tag) {
      case "Text": {
        const shown = this.pieces.add(said.text)
        this.shown += shown
        this.size += said.text.length
        return shown
      }
      case "Refusal":
        this.refusal += said.text
        this.size += said.text.length
        break
      case "Use":
        this.addUse(said)
        break
      case "Tokens":
        this.tokens = { ...this.tokens, ...defined(said.tokens) }
        break
      case "Stop":
        this.stop = said.reason
        break
      case "Failed":
        this.error = said.error
        break
      case "End":
        this.ended = true
    }
    return ""
  }

  answer(): ModelAnswer {
    const { whole } = this.blanking
    return {
      text: this.text,
      uses: this.uses.map((use, index) => ({
        id: use.id === "" ? `use_${index + 1}` : use.id,
        name: whole(use.name),
        // A tool without parameters is often used without any arguments.
        arguments: use.arguments.trim() === "" ? "{}" : whole(use.arguments)
      }))
    }
  }

  private addUse(piece: UsePiece): void {
    const { arguments: more, id = "", index, name = "" } = piece
    const open = index === undefined ? (this.byId.get(id) ?? this.latest) : this.byIndex.get(index)
    const isNew = open === undefined || isAnother(open, piece)
    const use = isNew ? { id: "", name: "", arguments: "", json: new JsonEnd() } : open
    if (isNew) {
      this.uses.push(use)
      // What a use takes with nothing in it.
      this.size += 256
    }
    this.latest = use
    if (index !== undefined) this.byIndex.set(index, use)
    if (id !== "") this.byId.set(id, use)
    if (use.id === "") use.id = id
    if (use.name === "") use.name = name
    use.arguments += more
    use.json.add(more)
    this.size += id.length + name.length + more.length
  }
}

type UsePiece = Extract<Said, { readonly _tag: "Use" }>

/**
 * Whether a piece begins another use than the one that is open where it belongs. Some servers number all uses 0 and tell
 * them apart by id; others give each piece of one use an id of its own, or its name again.
 */
const isAnother = (open: UsePieces, { arguments: more, id = "", name = "" }: UsePiece): boolean => {
  if (name === "" || (id !== "" && id === open.id)) return false
  if (id !== "" && open.id !== "") return name !== open.name || open.arguments === "" || open.json.reached
  return open.name !== "" && (name !== open.name || (open.json.reached && more.trim() !== ""))
}
