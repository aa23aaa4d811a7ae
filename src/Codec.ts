import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

/** Decodes what came from outside. */
export type Decode<A> = (input: unknown) => Either.Either<A, ParseResult.ParseIssue>

/** A key of a struct: how a value under it is decoded, and what stands for it when it is absent. */
interface Field {
  readonly key: string
  readonly isOptional: boolean
  readonly decode: Decode<unknown>
  readonly absent: Option.Option<unknown>
}

const fieldOf = (key: string, of: Schema.Struct.Field, options: AST.ParseOptions | undefined): Field | null => {
  const decoding = (ast: AST.AST) => ParseResult.decodeUnknownEither(Schema.make<unknown, unknown>(ast), options)
  if (!Schema.isPropertySignature(of)) {
    return { key, isOptional: false, decode: decoding(of.ast), absent: Option.none() }
  }
  const { ast } = of
  if (ast._tag === "PropertySignatureDeclaration") {
    return { key, isOptional: ast.isOptional, decode: decoding(ast.type), absent: Option.none() }
  }
  if (ast.from.fromKey !== undefined) return null
  const inner = decoding(ast.from.type)
  const decode = (input: unknown) =>
    Either.map(inner(input), (value) => Option.getOrUndefined(ast.decode(Option.some(value))))
  return { key, isOptional: ast.from.isOptional, decode, absent: ast.decode(Option.none()) }
}

const isPlain = (input: unknown): input is Readonly<Record<string, unknown>> =>
  typeof input === "object" && input !== null && !Array.isArray(input)

/** The value of an object whose keys are all known and all valid; undefined of any other. */
const sparsely =
  (fields: ReadonlyArray<Field>) =>
  (input: unknown): Readonly<Record<string, unknown>> | undefined => {
    if (!isPlain(input)) return undefined
    const value: Record<string, unknown> = {}
    let rest = Object.keys(input).length
    for (const { absent, decode, isOptional, key } of fields) {
      if (Object.hasOwn(input, key)) {
        const decoded = decode(input[key])
        if (Either.isLeft(decoded)) return undefined
        value[key] = decoded.right
        rest--
      } else if (Option.isSome(absent)) value[key] = absent.value
      else if (!isOptional) return undefined
    }
    return rest === 0 ? value : undefined
  }

const fieldsOf = (schema: Schema.Schema.Any): ReadonlyArray<Field> | null => {
  if (!("fields" in schema) || ("records" in schema && !isEmpty(schema.records))) return null
  // What a struct asks of its keys, it asks of theirs.
  const options = Option.getOrUndefined(AST.getParseOptionsAnnotation(schema.ast))
  const fields = Object.entries(schema.fields as Schema.Struct.Fields).map(([key, of]) => fieldOf(key, of, options))
  return fields.every((field) => field !== null) ? fields : null
}

const isEmpty = (records: unknown): boolean => Array.isArray(records) && records.length === 0

/**
 * The decoder of a schema. A struct is decoded by the keys that are there, as a job has forty and most say five of
 * them; what that does not take is left to the schema, which says what is wrong.
 */
export const decoderOf = <A, I>(schema: Schema.Schema<A, I>): Decode<A> => {
  const whole = ParseResult.decodeUnknownEither(schema)
  const fields = fieldsOf(schema)
  if (fields === null) return whole
  const decode = sparsely(fields)
  return (input) => {
    const value = decode(input)
    return value === undefined ? whole(input) : Either.right(value as A)
  }
}

/** Encodes what has the type that it should have. */
export type Encode = (value: unknown) => unknown

const throughSchema = (ast: AST.AST): Encode => Schema.encodeUnknownSync(Schema.make<unknown, unknown>(ast))

interface Property {
  readonly name: PropertyKey
  readonly encode: Encode | null
  /** How the absent and the present are told apart, where there is a default. */
  readonly step: ((value: Option.Option<unknown>) => Option.Option<unknown>) | undefined
}

const struct = (
  { indexSignatures, propertySignatures }: AST.TypeLiteral,
  steps: ReadonlyMap<PropertyKey, NonNullable<Property["step"]>>
): Encode | null | undefined => {
  if (indexSignatures.length > 0) {
    const isPlainRecord =
      propertySignatures.length === 0 && indexSignatures.every(({ type }) => encoding(type) === null)
    return isPlainRecord ? null : undefined
  }
  const properties = propertySignatures.map(
    ({ name, type }): Property => ({ name, encode: encoding(type), step: steps.get(name) })
  )
  return (value) => {
    const from = value as Readonly<Record<PropertyKey, unknown>>
    const to: Record<PropertyKey, unknown> = {}
    for (const { encode, name, step } of properties) {
      let found = from[name]
      if (step !== undefined) found = Option.getOrUndefined(step(Option.fromNullable(found)))
      if (found !== undefined) to[name] = encode === null ? found : encode(found)
    }
    return to
  }
}

const transformed = (ast: AST.Transformation): Encode | undefined => {
  const { from, to, transformation } = ast
  if (transformation._tag === "TypeLiteralTransformation" && from._tag === "TypeLiteral") {
    const steps = new Map<PropertyKey, NonNullable<Property["step"]>>()
    for (const step of transformation.propertySignatureTransformations) {
      if (step.from !== step.to) return undefined
      steps.set(step.from, step.encode)
    }
    return struct(from, steps) ?? undefined
  }
  if (transformation._tag !== "FinalTransformation" || encoding(to) !== null) return undefined
  const outer = encoding(from)
  const whole = throughSchema(ast)
  return (value) => {
    const stepped = transformation.encode(value, {}, ast, value)
    if (!Either.isEither(stepped) || Either.isLeft(stepped)) return whole(value)
    return outer === null ? stepped.right : outer(stepped.right)
  }
}

const union = ({ types }: AST.Union): Encode | null | undefined => {
  if (types.every((type) => encoding(type) === null)) return null
  const others = types.filter((type) => !(type._tag === "Literal" && type.literal === null))
  const [only] = others
  if (only === undefined || others.length !== 1) return undefined
  const encode = encoding(only)
  return encode === null ? null : (value) => (value === null ? null : encode(value))
}

/** How a type is encoded: null where its values are so already, undefined where only the schema knows. */
const known = (ast: AST.AST): Encode | null | undefined => {
  switch (ast._tag) {
    case "StringKeyword":
    case "NumberKeyword":
    case "BooleanKeyword":
    case "UnknownKeyword":
    case "Literal":
    case "TemplateLiteral":
      return null
    case "Refinement":
      return encoding(ast.from)
    case "TupleType": {
      const [item, ...more] = ast.rest
      if (item === undefined || more.length > 0 || ast.elements.length > 0) return undefined
      const encode = encoding(item.type)
      return encode === null ? null : (value) => (value as ReadonlyArray<unknown>).map((one) => encode(one))
    }
    case "TypeLiteral":
      return struct(ast, new Map())
    case "Transformation":
      return transformed(ast)
    case "Union":
      return union(ast)
    default:
      return undefined
  }
}

const encoding = (ast: AST.AST): Encode | null => {
  const found = known(ast)
  return found === undefined ? throughSchema(ast) : found
}

/**
 * The encoder of a schema, for values of its type: keys that the schema does not know are left out, as always, but what
 * the types promise is not checked again.
 */
export const encoderOf = <A, I>(schema: Schema.Schema<A, I>): ((value: A) => I) =>
  (encoding(schema.ast) ?? ((value: unknown) => value)) as (value: A) => I
