/** Whoever mistypes an option of a test program, or asks for help, reads how it is used, and no stack. */

export async function orUsage(usage: string, main: () => Promise<number>): Promise<number> {
  try {
    return await main();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: string };
    if (typeof code !== 'string' || !code.startsWith('ERR_PARSE_ARGS')) throw error;
    const isHelp = /'(?:-h, )?--help'|'-h'/.test(message ?? '');
    console.error(isHelp ? usage : `${message}\n${usage}`);
    return isHelp ? 0 : 2;
  }
}
