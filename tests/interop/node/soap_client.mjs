// Calls a File Client's SOAP services as npm's soap does; prints what came back as JSON.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import soap from "soap";

const service = process.argv[2];
const { key, content, base } = JSON.parse(readFileSync(0, "utf8"));
const headers = { Authorization: `Bearer ${key}` };

async function client(name) {
  const made = await soap.createClientAsync(`${service}/${name}?wsdl`, { wsdl_headers: headers });
  made.setSecurity(new soap.BearerSecurity(key));
  return made;
}

async function over(ask, member) {
  for (;;) {
    const task = (await ask())[0][member];
    if (task.status !== "CREATED") return task.status;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const downloads = await client("download");
const uploads = await client("upload");
const files = await client("file");
const references = await client("gb");
const told = {};

const fetched = (await downloads.downloadFileAsync({ url: `${base}/download/a` }))[0].downloadTask.fileId;
const sent = (await uploads.uploadFileAsync({ creationUrl: `${base}/upload`, file: { content } }))[0].uploadTask.fileId;
told.statuses = [
  await over(() => downloads.getDownloadTaskAsync({ fileId: fetched }), "downloadTask"),
  await over(() => uploads.getUploadTaskAsync({ fileId: sent }), "uploadTask"),
];
const inline = await files.downloadFileAsync({ id: fetched }); // its own Accept prefers text/xml
told.inline = createHash("sha256").update(Buffer.from(inline[0].file.content, "base64")).digest("hex");
told.name = (await files.getFileInfoAsync({ id: sent }))[0].fileInfo.name;
const reference = (await references.getExternalDataReferenceAsync({ id: [sent] }))[0];
told.reference = reference["external-data-reference"].attributes.profile;
await downloads.deleteDownloadTaskAsync({ fileId: fetched });
try {
  await downloads.getDownloadTaskAsync({ fileId: fetched });
} catch (error) {
  told.fault = error.message;
}
console.log(JSON.stringify(told));
