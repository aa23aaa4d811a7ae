import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
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

/** A pure function that knows its latest result: most rows hold the same in a column, such as nothing. */
const lately = <A>(f: (value: unknown) => A): ((value: unknown) => A) => {
  let last: { readonly value: unknown; readonly result: A } | undefined
  return (value) => {
    if (last === undefined || last.value !== value) last = { value, result: f(value) }
    return last.result
  }
}

/** Whether a column holds a value as its JSON, or null for none: what is within it is written as it is. */
const isPlainText = ({ ast }: Schema.Schema<unknown, unknown>): boolean => {
  const parts = AST.isUnion(ast) ? ast.types.filter((type) => !(AST.isLiteral(type) && type.literal === null)) : [ast]
  return parts.every(
    (part) =>
      AST.isTransformation(part) &&
      AST.isTransformation(part.from) &&
      AST.isUnknownKeyword(part.from.to) &&
      part.to === AST.typeAST(part.to)
  )
}

interface Column {
  readonly name: string
  readonly check: Check
  /** Null where a column holds the value itself. */
  readonly text: {
    readonly decode: (value: unknown) => Either.Either<unknown, ParseResult.ParseError>
    readonly encode: (value: unknown) => Either.Either<unknown, ParseResult.ParseError>
  } | null
}

const columnOf = (name: string, field: Schema.Schema<unknown, unknown>): Column => {
  const type = AST.typeAST(field.ast)
  if (type === field.ast) return { name, check: checkOf(type), text: null }
  const encode = Schema.encodeUnknownEither(field)
  const check = checkOf(type)
  const isText = isPlainText(field)
  return {
    name,
    check,
    text: {
      decode: lately(Schema.decodeUnknownEither(field)),
      encode: lately((value) => {
        if (!isText || !check(value)) return encode(value)
        return Either.right(value === null ? null : JSON.stringify(value))
      })
    }
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

  const decode = (row: Row): Either.Either<A, ParseResult.ParseError> => {
    const decoded: Record<string, unknown> = {}
    for (const { check, name, text } of columns) {
      const value = row[name]
      if (text === null) {
        if (!check(value)) return decodeWhole(row)
        decoded[name] = value
      } else {
        const read = text.decode(value)
        if (Either.isLeft(read)) return decodeWhole(row)
        decoded[name] = read.right
      }
    }
    return Either.right(decoded as A)
  }

  /** The stored form of one column's value; undefined for what the schema refuses. */
  const stored = ({ check, text }: Column, value: unknown): Value | undefined => {
    if (text === null) return check(value) ? (value as Value) : undefined
    const written = text.encode(value)
    return Either.isRight(written) ? (written.right as Value) : undefined
  }

  const asWhole = (record: A): Record<string, Value> => {
    const written = encodeWhole(record)
    return Object.fromEntries(columns.map(({ name }) => [name, written[name] as Value]))
  }

  /** The values of all columns, in the schema's order. Throws a `ParseError` for what may not be stored. */
  const values = (record: A): Array<Value> => {
    const found: Array<Value> = []
    for (const column of columns) {
      const value = stored(column, (record as Row)[column.name])
      if (value === undefined) return Object.values(asWhole(record))
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
      const value = stored(column, (record as Row)[name])
      if (value === undefined) return encodePart(record) as Record<string, Value>
      found[name] = value
    }
    return found
  }

  /** A row as the database gives it. */
  const row = (record: A): Record<string, Value> => {
    const all = values(record)
    const found: Record<string, Value> = {}
    for (const [index, { name }] of columns.entries()) found[name] = all[index] ?? null
    return found
  }

  const names = columns.map(({ name }) => name)
  return { decode, names, part, row, values } as const
}
