import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Schema from "effect/Schema"
import { Job } from "../Domain/Job.ts"
import { withoutSecrets } from "../Domain/Redaction.ts"
import { etagOf } from "./ResponseHeaders.ts"
import { secured } from "./SecurityHeaders.ts"

const encode = Schema.encodeSync(Job)

const answers = new WeakMap<Job, HttpServerResponse.HttpServerResponse>()

const made = (job: Job): HttpServerResponse.HttpServerResponse => {
  const body = JSON.stringify(encode(withoutSecrets(job)))
  // As text Node sends it together with the headers, as bytes after them.
  const answer = HttpServerResponse.raw(body, {
    contentType: "application/json",
    contentLength: Buffer.byteLength(body),
    headers: { etag: etagOf(job) }
  })
  return secured(answer)
}

/** A job as the API shows it. The store gives the same object of a job that has not changed, and so the same answer. */
export const jobAnswer = (job: Job): HttpServerResponse.HttpServerResponse => {
  const known = answers.get(job) ?? made(job)
  answers.set(job, known)
  return known
}
