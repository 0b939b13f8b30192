// Where nginx is. Debian puts it where only root looks.
import { existsSync } from "node:fs";

export const nginx = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx"].find(existsSync);
