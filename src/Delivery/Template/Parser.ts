import * as Either from "effect/Either"
import type { Node, TemplateProblem, Test } from "./Syntax.ts"
import { type Tag, tagAt, type Wrong } from "./Tags.ts"

const maxBytes = 16_384
const maxNesting = 16

type Piece = { readonly kind: "text"; readonly text: string } | (Tag & { readonly offset: number })

const piecesOf = (template: string): Either.Either<ReadonlyArray<Piece>, Wrong> => {
  const pieces: Array<Piece> = []
  let from = 0
  for (let open = template.indexOf("{{"); open !== -1; open = template.indexOf("{{", from)) {
    const tag = tagAt(template, open)
    if (Either.isLeft(tag)) return Either.left(tag.left)
    pieces.push({ kind: "text", text: template.slice(from, open) }, { ...tag.right[0], offset: open })
    from = tag.right[1]
  }
  return Either.right([...pieces, { kind: "text", text: template.slice(from) }])
}

const isBlank = (text: string): boolean => /^[ \t]*$/.test(text)

/** A line that holds nothing but `{{#if …}}`, `{{else}}` or `{{/if}}` leaves no line behind. */
const withoutEmptyLines = (pieces: ReadonlyArray<Piece>): ReadonlyArray<Piece> => {
  const textAt = (index: number): string | undefined => {
    const piece = pieces[index]
    return piece?.kind === "text" ? piece.text : undefined
  }
  // Texts and tags take turns, a text first and last.
  const isAlone = (index: number): boolean => {
    const tag = pieces[index]
    const [before, after] = [textAt(index - 1), textAt(index + 1)]
    if (tag === undefined || tag.kind === "text" || tag.kind === "place") return false
    if (before === undefined || after === undefined) return false
    const start = before.lastIndexOf("\n")
    if (!isBlank(before.slice(start + 1)) || (start === -1 && index > 1)) return false
    const end = after.indexOf("\n")
    if (end === -1) return index === pieces.length - 2 && isBlank(after)
    return isBlank(after.slice(0, end).replace(/\r$/, ""))
  }
  return pieces.map((piece, index) => {
    if (piece.kind !== "text") return piece
    const from = isAlone(index - 1) ? piece.text.indexOf("\n") + 1 || piece.text.length : 0
    const text = piece.text.slice(from)
    return { kind: "text", text: isAlone(index + 1) ? text.slice(0, text.lastIndexOf("\n") + 1) : text }
  })
}

interface Open {
  readonly offset: number
  readonly test: Test
  readonly yes: Array<Node>
  no: Array<Node> | null
}

const nest = (pieces: ReadonlyArray<Piece>): Either.Either<ReadonlyArray<Node>, Wrong> => {
  const root: Array<Node> = []
  const open: Array<Open> = []
  const refuse = (offset: number, message: string) => Either.left({ offset, message })
  for (const piece of pieces) {
    const inner = open.at(-1)
    const into = inner === undefined ? root : (inner.no ?? inner.yes)
    if (piece.kind === "text") {
      if (piece.text !== "") into.push(piece)
    } else if (piece.kind === "place") {
      into.push(piece)
    } else if (piece.kind === "if") {
      if (open.length >= maxNesting) return refuse(piece.offset, `more than ${maxNesting} #if inside each other`)
      open.push({ offset: piece.offset, test: piece.test, yes: [], no: null })
    } else if (inner === undefined) {
      return refuse(piece.offset, `{{${piece.kind === "else" ? "else" : "/if"}}} has no {{#if …}} before it`)
    } else if (piece.kind === "else") {
      if (inner.no !== null) return refuse(piece.offset, "this {{#if …}} has an {{else}} already")
      inner.no = []
    } else {
      open.pop()
      const outer = open.at(-1)
      const { no, test, yes } = inner
      const around = outer === undefined ? root : (outer.no ?? outer.yes)
      around.push({ kind: "if", test, yes, no: no ?? [] })
    }
  }
  const left = open.at(-1)
  return left === undefined ? Either.right(root) : refuse(left.offset, "this {{#if …}} has no {{/if}}")
}

const placed = (template: string, { message, offset }: Wrong): TemplateProblem => {
  const before = template.slice(0, offset)
  return { message, line: before.split("\n").length, column: offset - before.lastIndexOf("\n") }
}

/** Reads a template; left says what is wrong with it, and where. Takes time linear in its length. */
export const parseTemplate = (template: string): Either.Either<ReadonlyArray<Node>, TemplateProblem> => {
  if (Buffer.byteLength(template) > maxBytes) {
    return Either.left({ message: `a template has at most ${maxBytes / 1_024} KiB`, line: 1, column: 1 })
  }
  return piecesOf(template).pipe(
    Either.flatMap((pieces) => nest(withoutEmptyLines(pieces))),
    Either.mapLeft((wrong) => placed(template, wrong))
  )
}
