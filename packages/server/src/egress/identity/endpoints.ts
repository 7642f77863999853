/** Where programs in a sandbox ask for tokens: the address of clouds' metadata services, at which nothing else can be reached. */

export const identityAddress = "169.254.169.254";
export const identityPort = 80;

/** As Azure's App Service has it. */
export const appServicePath = "/msi/token";
/** As Azure's virtual machines have it. */
export const metadataPath = "/metadata/identity/oauth2/token";

/** What programs are told by IDENTITY_ENDPOINT. */
export const identityEndpoint = `http://${identityAddress}${appServicePath}`;
