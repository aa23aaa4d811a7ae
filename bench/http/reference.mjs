// A service as one would write it by hand: Fastify with a JSON schema, better-sqlite3, one transaction a request.
import { randomUUID } from "node:crypto"
import { join } from "node:path"
import Database from "better-sqlite3"
import fastify from "fastify"

const db = new Database(join(process.argv[2], "reference.db"))
db.pragma("journal_mode = WAL")
db.pragma("synchronous = FULL")
db.exec(`CREATE TABLE jobs (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, agent_id TEXT NOT NULL, cron_expr TEXT NOT NULL,
  session_mode TEXT NOT NULL, delivery TEXT NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL)`)
const insert = db.prepare("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, 'active', ?)")
const find = db.prepare("SELECT * FROM jobs WHERE id = ?")

const text = { type: "string", minLength: 1, maxLength: 200 }
const delivery = { type: "array", items: { type: "string" } }
const job = {
  type: "object",
  properties: {
    ...{ id: text, name: text, agent_id: text, cron_expr: text, session_mode: text, delivery, status: text },
    created_at: { type: "string" }
  }
}
const body = {
  type: "object",
  required: ["name", "agent_id", "cron_expr"],
  additionalProperties: false,
  properties: { name: text, agent_id: text, cron_expr: text, session_mode: text, delivery }
}
const shown = (row) => ({
  ...row,
  delivery: JSON.parse(row.delivery),
  created_at: new Date(row.created_at).toISOString()
})

const app = fastify()
app.post("/api/v1/schedule", { schema: { body, response: { 201: job } } }, (request, reply) => {
  const { agent_id, cron_expr, delivery = ["log_file"], name, session_mode = "ephemeral_with_summary" } = request.body
  const id = randomUUID()
  insert.run(id, name, agent_id, cron_expr, session_mode, JSON.stringify(delivery), Date.now())
  reply
    .code(201)
    .header("location", `/api/v1/schedule/${id}`)
    .send(shown(find.get(id)))
})
app.get("/api/v1/schedule/:id", { schema: { response: { 200: job } } }, (request, reply) => {
  const row = find.get(request.params.id)
  if (row === undefined) reply.code(404).send({ error: "no such job" })
  else reply.send(shown(row))
})
const address = await app.listen({ port: 0, host: "127.0.0.1" })
process.stdout.write(`${address}\n`)
