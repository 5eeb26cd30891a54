// Calls a file server's SOAP services as npm's soap does; prints what came back as JSON.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import soap from "soap";

const base = process.argv[2];
const { key, certificate, content } = JSON.parse(readFileSync(0, "utf8"));
const headers = { Authorization: `Bearer ${key}` };

async function client(name, options = {}) {
  const made = await soap.createClientAsync(`${base}/${name}?wsdl`, { wsdl_headers: headers, ...options });
  made.setSecurity(new soap.BearerSecurity(key));
  return made;
}

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
const users = await client("user");
const files = await client("file");
const attached = await client("file", { parseReponseAttachments: true });
const references = await client("gb");
const told = {};

const [created] = await users.createUserAsync({ user: { name: "node1", certificate } });
const id = Number(created.id);
told.name = (await users.getUserAsync({ id }))[0].user.name;
told.names = (await users.getUsersAsync({}))[0].users.map((each) => each.name);

const path = (await files.uploadFileAsync({ userId: id, file: { content } }))[0].path;
const info = (await files.getFileInfoAsync({ path }))[0].fileInfo;
told.length = Number(info.length);
told.sha256 = info.sha256Checksum;

await attached.downloadFileAsync({ path }, {}, { Accept: "multipart/related" });
told.attached = digest(attached.lastResponseAttachments.parts[0].body);
const inline = await files.downloadFileAsync({ path }); // its own Accept prefers text/xml
told.inline = digest(Buffer.from(inline[0].file.content, "base64"));

const reference = (await references.getExternalDataReferenceAsync({ path: [path] }))[0];
told.reference = reference["external-data-reference"].attributes.profile;
told.deleted = [true, "true"].includes((await files.deleteFileAsync({ path, force: true }))[0].return);
try {
  await files.getFileInfoAsync({ path });
} catch (error) {
  told.fault = error.message;
}
await users.deleteUserAsync({ id });
console.log(JSON.stringify(told));
