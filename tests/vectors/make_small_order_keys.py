"""Makes small_order_keys.json from the curve's equation and group law (RFC 8032 section 5.1), in plain integers.

usage: python3 make_small_order_keys.py > small_order_keys.json
"""
import json
p=2**255-19
d=(-121665*pow(121666,p-2,p))%p
L=2**252+27742317777372353535851937790883648493
def rec(y,sign):
    x2=(y*y-1)*pow(d*y*y+1,p-2,p)%p
    x=pow(x2,(p+3)//8,p)
    if (x*x-x2)%p: x=x*pow(2,(p-1)//4,p)%p
    if (x*x-x2)%p: return None
    if x%2!=sign: x=(p-x)%p
    return x,y%p
def add(P,Q):
    x1,y1=P;x2,y2=Q;k=d*x1*x2*y1*y2
    return ((x1*y2+x2*y1)*pow(1+k,p-2,p)%p,(y1*y2+x1*x2)*pow(1-k,p-2,p)%p)
def mul(n,P):
    R=(0,1)
    while n:
        if n&1:R=add(R,P)
        P=add(P,P);n>>=1
    return R
def enc(y,s): return (y|s<<255).to_bytes(32,'little').hex()
# torsion generator
y=2
while True:
    P=rec(y,0)
    if P:
        T=mul(L,P)
        if mul(4,T)!=(0,1): break
    y+=1
small=[]
for i in range(8):
    Q=mul(i,T); order=next(o for o in (1,2,4,8) if mul(o,Q)==(0,1))
    small.append({"order":order,"key":enc(Q[1],Q[0]&1)})
small.sort(key=lambda e:(e["order"],e["key"]))
noncanon=[]
for s in (0,1):
    for y in range(p,2**255):
        P=rec(y,s)
        noncanon.append({"key":enc(y,s),"why":"y is p + %d"%(y-p)+("" if s==0 else ", sign bit set")+("" if P else ", and not on the curve")})
for y in (1,p-1): noncanon.append({"key":enc(y,1),"why":"x is 0 and the sign bit is set"})
off=[]
y=2
while len(off)<4:
    if rec(y,0) is None: off.append(enc(y,0)); off.append(enc(y,1))
    y+=1
print(json.dumps({"source":"computed from the curve's equation and group law (RFC 8032 section 5.1) in Python integers","smallOrder":small,"nonCanonical":noncanon,"notOnCurve":off}, indent=1))
