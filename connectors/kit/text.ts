/**
 * Texts in the inputs of actions. A number or `true` is as good in their place as its text is: an
 * expression that gives 250 is taken like `"250"` in the file.
 */
import { z } from 'zod';

export const textValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);
