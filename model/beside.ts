/**
 * What another thread or process evaluates to run one function of a module of ours there: a text,
 * because the same module is TypeScript among the sources and JavaScript in `dist/`.
 */
export function beside(moduleUrl: string, functionName: string): string {
  const url = JSON.stringify(moduleUrl);
  const run = `import(${url}).then((module) => module.${functionName}())`;
  if (!moduleUrl.endsWith('.ts')) return run;
  // A thread does not inherit what reads TypeScript here.
  const reader = `require('node:module').createRequire(${url}).resolve('tsx/esm/api').replace(/cjs$/, 'mjs')`;
  return `import(${reader}).then((tsx) => { tsx.register(); return ${run}; })`;
}
