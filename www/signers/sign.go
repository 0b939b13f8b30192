// Signs a Playgate link with Go's standard library.
// The path is signed as it is written: percent-encode it first, with upper-case hex.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
)

// Without dir the link opens this URL alone; with dir = 2 all below its first two directories, and
// the token is in the path, where the addresses of a playlist inherit it.
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
	key := strings.Split(strings.Split(os.Getenv("PLAYGATE_KEYS"), ",")[0], ":")
	dir := 0
	exp, err := strconv.ParseInt(os.Args[2], 10, 64)
	if len(os.Args) > 3 && err == nil {
		dir, err = strconv.Atoi(os.Args[3])
	}
	if err != nil {
		log.Fatal(err)
	}
	link, err := sign(os.Args[1], key[0], key[1], exp, dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link)
}
