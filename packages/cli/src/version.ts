/** The CLI's own version; a test holds it equal to package.json's. */
export const cliVersion = "0.1.0";
