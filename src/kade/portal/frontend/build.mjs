// Builds scripts and style into the folder named as the first argument: names carry a hash of the content,
// manifest.json says which stands for what, licenses.txt holds the licences of what was built in.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

const target = process.argv[2];
const made = await build({
  entryPoints: ["scripts/page.ts", "scripts/request.ts", "styles/page.css"],
  outdir: target,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".svg": "file" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome111", "firefox113", "safari16.4"],
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const manifest = {};
for (const [path, { entryPoint }] of Object.entries(made.metafile.outputs)) {
  if (entryPoint) manifest[basename(entryPoint).replace(/\.ts$/, ".js")] = basename(path);
}
writeFileSync(join(target, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

const folders = new Set(
  Object.keys(made.metafile.inputs)
    .map((path) => path.match(/^node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0])
    .filter(Boolean),
);
const licences = [...folders].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return `${name} ${version} (${license})\n\n${textOf(folder)}`;
});
writeFileSync(join(target, "licenses.txt"), licences.join("\n----\n\n"));

function textOf(folder) {
  for (const name of ["LICENSE", "LICENSE.md", "LICENCE", "license", "License"]) {
    try {
      return readFileSync(join(folder, name), "utf8");
    } catch {
      // it has another name
    }
  }
  return "";
}
