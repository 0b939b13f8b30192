"""PyJWT, for adapters.mjs: a line of JSON in, a line of JSON out.

`{"mint": {"header": .., "payload": .., "alg": ..}, "key": ..}` is answered with a token,
`{"check": token, "key": .., "issuer": .., "audience": ..}` with its header and payload, or with the
name of the error. Keys are in hex.
"""

import json
import sys
import warnings

import jwt

# It warns of keys that are short for HS512, which no gate takes anyway.
warnings.simplefilter("ignore")


def mint(asked, key):
    wanted = asked["header"]
    # It puts `typ` into each token, but for those that say not to.
    headers = {"typ": wanted.get("typ"), **wanted}
    algorithm = asked["alg"]
    key = None if algorithm == "none" else key
    return {"token": jwt.encode(asked["payload"], key, algorithm=algorithm, headers=headers)}


def check(asked, key):
    names = [name for name, wanted in (("iss", asked["issuer"]), ("aud", asked["audience"])) if wanted]
    try:
        whole = jwt.decode_complete(
            asked["check"], key, algorithms=["HS256"], issuer=asked["issuer"],
            audience=asked["audience"], options={"require": ["exp", *names]},
        )
    except jwt.PyJWTError as error:
        claim = getattr(error, "claim", None)
        return {"error": " ".join(filter(None, (type(error).__name__, claim)))}
    return {"header": whole["header"], "payload": whole["payload"]}


for line in sys.stdin:
    asked = json.loads(line)
    key = bytes.fromhex(asked["key"])
    answer = mint(asked["mint"], key) if "mint" in asked else check(asked, key)
    print(json.dumps(answer), flush=True)
