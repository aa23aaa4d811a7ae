import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { decoderOf, encoderOf } from "../Codec.ts"
import type { Row, Value } from "./Database.ts"

type Check = (value: unknown) => boolean

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const checkOfStruct = ({ indexSignatures, propertySignatures }: AST.TypeLiteral): Check | undefined => {
  if (indexSignatures.length > 0) return undefined
  const fields = new Map(
    propertySignatures.map(({ isOptional, name, type }) => [name, { isOptional, check: checkOf(type) }])
  )
  const needed = propertySignatures.filter(({ isOptional }) => !isOptional).map(({ name }) => name)
  return (value) => {
    if (!isRecord(value)) return false
    for (const name in value) {
      const field = fields.get(name)
      // What the schema does not name would be left out of what is written.
      if (field === undefined || !field.check(value[name])) return false
    }
    return needed.every((name) => name in value)
  }
}

const checkOfList = ({ elements, rest }: AST.TupleType): Check | undefined => {
  const [item, ...others] = rest
  if (elements.length > 0 || item === undefined || others.length > 0) return undefined
  const check = checkOf(item.type)
  return (value) => Array.isArray(value) && value.every(check)
}

/** What `Schema.is` says, without its walk for the shapes that columns have, and strict about further properties. */
const checkOf = (ast: AST.AST): Check => {
  switch (ast._tag) {
    case "StringKeyword":
      return (value) => typeof value === "string"
    case "NumberKeyword":
      return (value) => typeof value === "number"
    case "BooleanKeyword":
      return (value) => typeof value === "boolean"
    case "Literal":
      return (value) => value === ast.literal
    case "Union": {
      const literals = new Set<unknown>(ast.types.flatMap((type) => (AST.isLiteral(type) ? [type.literal] : [])))
      const others = ast.types.filter((type) => !AST.isLiteral(type)).map(checkOf)
      return (value) => literals.has(value) || others.some((check) => check(value))
    }
    case "Refinement": {
      const from = checkOf(ast.from)
      return (value) => from(value) && Option.isNone(ast.filter(value, AST.defaultParseOption, ast))
    }
    case "TypeLiteral":
      return checkOfStruct(ast) ?? Schema.is(Schema.make(ast))
    case "TupleType":
      return checkOfList(ast) ?? Schema.is(Schema.make(ast))
    default:
      return Schema.is(Schema.make(ast))
  }
}

interface Column {
  readonly name: string
  /** Undefined for what cannot be read. A null that stands for itself is read as null. */
  readonly read: (value: unknown) => unknown
  /** Undefined for what may not be stored. */
  readonly write: (value: unknown) => Value | undefined
}

/** The schema of what a column holds as its JSON; undefined of a column that holds something else. */
const withinText = ({ ast }: Schema.Schema<unknown, unknown>): AST.AST | undefined => {
  const parts = AST.isUnion(ast) ? ast.types.filter((type) => !(AST.isLiteral(type) && type.literal === null)) : [ast]
  const [part] = parts
  const isText =
    part !== undefined &&
    parts.length === 1 &&
    AST.isTransformation(part) &&
    AST.isTransformation(part.from) &&
    AST.isUnknownKeyword(part.from.to)
  return isText ? part.to : undefined
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** How a column's text is written that holds a value of this schema; undefined for what may not be stored. */
const makeText = (within: AST.AST): ((value: unknown) => string | undefined) => {
  const type = AST.typeAST(within)
  const check = checkOf(type)
  const encode = type === within ? (value: unknown) => value : encoderOf(Schema.make<unknown, unknown>(within))
  let last: { readonly value: unknown; readonly text: string } | undefined
  return (value) => {
    if (last !== undefined && last.value === value) return last.text
    const text = check(value) ? JSON.stringify(encode(value)) : undefined
    if (text !== undefined && typeof value === "object") last = { value, text }
    return text
  }
}

const texts = new Map<AST.AST, ReturnType<typeof makeText>>()

/** One for all columns of a schema: what stands in two columns of a row is written out once. */
const textOf = (within: AST.AST): ReturnType<typeof makeText> => {
  const known = texts.get(within)
  if (known !== undefined) return known
  const made = makeText(within)
  texts.set(within, made)
  return made
}

const textColumn = (name: string, within: AST.AST, isNullable: boolean): Column => {
  const decode = decoderOf(Schema.make<unknown, unknown>(within))
  const write = textOf(within)
  // Most rows hold the same short text, such as an empty list.
  let last: { readonly text: unknown; readonly value: unknown } | undefined
  return {
    name,
    read: (text) => {
      if (text === null && isNullable) return null
      if (typeof text !== "string") return undefined
      if (last?.text === text) return last.value
      const value = Either.getOrUndefined(decode(parsed(text)))
      if (text.length < shortText) last = { text, value }
      return value
    },
    write: (value) => (value === null && isNullable ? null : write(value))
  }
}

const shortText = 64

const columnOf = (name: string, field: Schema.Schema<unknown, unknown>): Column => {
  const type = AST.typeAST(field.ast)
  const check = checkOf(type)
  if (type === field.ast) {
    const itself = (value: unknown) => (check(value) ? (value as Value) : undefined)
    return { name, read: itself, write: itself }
  }
  const within = withinText(field)
  if (within !== undefined) return textColumn(name, within, AST.isUnion(field.ast))
  const decode = decoderOf(field)
  const encode = encoderOf(field)
  return {
    name,
    read: (value) => Either.getOrUndefined(decode(value)),
    write: (value) => (check(value) ? (encode(value) as Value) : undefined)
  }
}

/**
 * How rows of a table are read and written: as the schema of the whole row says, a column at a time. What is refused is
 * given to that schema, for the words of its error.
 */
export const rowsOf = <Fields extends Schema.Struct.Fields>(schema: Schema.Struct<Fields>) => {
  type A = Schema.Struct<Fields>["Type"]
  const whole = schema as unknown as Schema.Schema<A, Row>
  const decodeWhole = Schema.decodeUnknownEither(whole)
  const encodeWhole = Schema.encodeSync(whole)
  const encodePart = Schema.encodeSync(
    Schema.partialWith(schema as unknown as Schema.Struct<Schema.Struct.Fields>, {
      exact: true
    }) as unknown as Schema.Schema<Partial<A>, Row>
  )
  const columns = Object.entries(
    schema.fields as unknown as Readonly<Record<string, Schema.Schema<unknown, unknown>>>
  ).map(([name, field]) => columnOf(name, field))
  const byName = new Map(columns.map((column) => [column.name, column]))
  const names = columns.map(({ name }) => name)
  const count = columns.length

  // A copy of an object that has all names is made at once; one that gets them in turn is moved again and again.
  const blank: Readonly<Record<string, null>> = Object.fromEntries(names.map((name) => [name, null]))

  const asRow = <V>(values: ReadonlyArray<V>): Record<string, V> => {
    const row: Record<string, V | null> = { ...blank }
    for (let i = 0; i < count; i++) row[names[i] as string] = values[i] as V
    return row as Record<string, V>
  }

  /** A record from the values of {@link names}. */
  const decode = (values: ReadonlyArray<unknown>): Either.Either<A, ParseResult.ParseError> => {
    const decoded: Record<string, unknown> = { ...blank }
    for (let i = 0; i < count; i++) {
      const column = columns[i] as Column
      const value = column.read(values[i])
      if (value === undefined) return decodeWhole(asRow(values))
      decoded[column.name] = value
    }
    return Either.right(decoded as A)
  }

  /** The values of all columns, in the order of {@link names}. Throws a `ParseError` for what may not be stored. */
  const values = (record: A): Array<Value> => {
    const found: Array<Value> = []
    for (let i = 0; i < count; i++) {
      const column = columns[i] as Column
      const value = column.write((record as Row)[column.name])
      if (value === undefined) {
        const written = encodeWhole(record)
        return names.map((name) => written[name] as Value)
      }
      found.push(value)
    }
    return found
  }

  /** The stored form of those columns that are given. Throws a `ParseError` for what may not be stored. */
  const part = (record: Partial<A>): Record<string, Value> => {
    const found: Record<string, Value> = {}
    for (const name in record) {
      const column = byName.get(name)
      if (column === undefined) continue
      const value = column.write((record as Row)[name])
      if (value === undefined) return encodePart(record) as Record<string, Value>
      found[name] = value
    }
    return found
  }

  return {
    decode,
    /** The values of a row by the names of its columns. */
    inOrder: (row: Row): ReadonlyArray<unknown> => names.map((name) => row[name]),
    names,
    part,
    row: (record: A): Record<string, Value> => asRow(values(record)),
    values
  } as const
}
