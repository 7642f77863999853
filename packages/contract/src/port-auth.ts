/** Who may come to a port of a sandbox: names as ACA's, for the people of any OpenID Connect provider. */
import * as z from "zod";

const most = 100;

const Email = z
  .string()
  .regex(
    /^[\x21-\x3f\x41-\x7e]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/,
    "must be an e-mail address such as ada@example.com",
  );
const EmailSuffix = z
  .string()
  .regex(/^@?[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/, "must be what follows the @, such as example.com");
const Subject = z.string().regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 printable characters without blanks");

/** Whoever is in one of the lists; at most 100 entries together. */
export const PortOidc = z
  .strictObject({
    /** Default true. false keeps the lists, and lets nobody in by them. */
    enabled: z.boolean().optional(),
    /** Addresses that the provider says it has verified, whatever their case. */
    emails: z.array(Email).max(most).optional(),
    /** What follows the @ of such an address, as a whole: example.com is not mail.example.com. */
    emailSuffixes: z.array(EmailSuffix).max(most).optional(),
    /** The provider's own names for people: the claim `sub`. */
    subjects: z.array(Subject).max(most).optional(),
    /** Whoever the provider signs in, in place of lists. */
    everyone: z.boolean().optional(),
  })
  .superRefine(({ emails = [], emailSuffixes = [], subjects = [], everyone = false }, context) => {
    const listed = emails.length + emailSuffixes.length + subjects.length;
    const refuse = (message: string) => context.addIssue({ code: "custom", message });
    if (listed > most) refuse(`must have at most ${most} entries in its lists together`);
    if (listed === 0 && !everyone) refuse("must name somebody in emails, emailSuffixes or subjects, or say everyone");
    if (listed > 0 && everyone) refuse("must not have lists where everyone may come");
  })
  .meta({ id: "PortOidc" });
export type PortOidc = z.infer<typeof PortOidc>;

/** Callers with a role in the group by their key, and whoever has a signed link, may come always. */
export const PortAuth = z
  .strictObject({
    /** Everybody may. Default false. */
    anonymous: z.boolean().optional(),
    /** People who sign in with the server's provider may. */
    oidc: PortOidc.optional(),
  })
  .refine(({ anonymous, oidc }) => anonymous !== true || oidc === undefined || oidc.enabled === false, {
    path: ["oidc"],
    message: "must not be there, or not be enabled, where everybody may come",
  })
  .meta({ id: "PortAuth" });
