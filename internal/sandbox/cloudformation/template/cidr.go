package template

import (
	"math/big"
	"net/netip"
	"strconv"
)

// cidr is Fn::Cidr: [block, count, bits], the bits being those of each part's host half.
func cidr(list []any) (any, error) {
	if len(list) < 2 || len(list) > 3 {
		return nil, errCidr
	}
	if Unknown(list) {
		return []any{KnownAfterApply}, nil
	}
	block, err := netip.ParsePrefix(Text(list[0]))
	count, err2 := strconv.Atoi(Text(list[1]))
	if err != nil || err2 != nil || count < 1 || count > 256 {
		return nil, errCidr
	}
	bits := 8
	if len(list) == 3 {
		if bits, err = strconv.Atoi(Text(list[2])); err != nil {
			return nil, errCidr
		}
	}
	length := block.Addr().BitLen() - bits
	if length < block.Bits() || length > block.Addr().BitLen() {
		return nil, errCidr
	}
	base := new(big.Int).SetBytes(block.Masked().Addr().AsSlice())
	step := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	out := []any{}
	for range count {
		addr, _ := netip.AddrFromSlice(base.FillBytes(make([]byte, block.Addr().BitLen()/8)))
		if !block.Contains(addr) {
			return nil, errCidr
		}
		out = append(out, netip.PrefixFrom(addr, length).String())
		base.Add(base, step)
	}
	return out, nil
}
