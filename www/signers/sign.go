// Signs a Playgate link with Go's standard library.
// The path is signed exactly as given: percent-encode it first, with upper-case hex digits.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Without dir, the link opens only this URL. With dir = 2, it opens everything below the first two
// directories, and the token is in the path, so that the addresses in a playlist inherit it.
func sign(url, kid, key string, exp int64, dir int) (string, error) {
	token := fmt.Sprintf("pg=1&exp=%d&kid=%s", exp, kid)
	base := strings.Join(strings.SplitN(url, "/", 4)[:3], "/") // scheme and host are not signed
	target := strings.TrimPrefix(url, base)                    // path and query are
	scope := target
	if dir > 0 {
		token += fmt.Sprintf("&dir=%d", dir)
		path := strings.SplitN(target, "?", 2)[0]
		scope = strings.Join(strings.Split(path, "/")[:dir+1], "/") + "/"
	}
	secret, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(scope + "\n" + token))
	token += "&sig=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	if dir > 0 {
		return base + "/" + token + target, nil
	}
	if strings.Contains(url, "?") {
		return url + "&" + token, nil
	}
	return url + "?" + token, nil
}

func main() {
	// The first key of the ring: `id:key` or `native/id:key`, followed by `@unix` if it retires.
	entry := regexp.MustCompile(`(?:^|[,\n])\s*(?:native/)?([\w-]+):([^,\n]*)`)
	found := entry.FindStringSubmatch(os.Getenv("PLAYGATE_KEYS"))
	if found == nil {
		log.Fatal("the ring has no key for native links")
	}
	key := regexp.MustCompile(`^\s*([\w-]{43,342})\s*(?:@(\d{1,10}))?\s*$`).FindStringSubmatch(found[2])
	if key == nil || regexp.MustCompile(`^[0-9A-Fa-f]+$`).MatchString(key[1]) {
		log.Fatal("the first key of the ring does not have the form that `playgate keygen` prints")
	}
	if retires, err := strconv.ParseInt(key[2], 10, 64); err == nil && retires <= time.Now().Unix() {
		log.Fatal("the first key of the ring is retired")
	}
	dir := 0
	exp, err := strconv.ParseInt(os.Args[2], 10, 64)
	if len(os.Args) > 3 && err == nil {
		dir, err = strconv.Atoi(os.Args[3])
	}
	if err != nil {
		log.Fatal(err)
	}
	link, err := sign(os.Args[1], found[1], key[1], exp, dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link)
}
