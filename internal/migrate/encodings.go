package migrate

import (
	"fmt"
	"strings"

	"github.com/nephoscope/nephoscope/config"
)

// kinship is how an encoding of Python's relates to those that config.json may name.
type kinship int

const (
	unheard kinship = iota // Python does not have it
	same                   // it has a name here
	near                   // the original agent gives it a name under which only ASCII is the same
	plain                  // it has none; ASCII text is ASCII in it
	foreign                // it has none, and bytes of ASCII mean something else in it
)

// codecs has a line for each text encoding of Python ("Standard Encodings", https://docs.python.org/3/library/codecs.html),
// with the name that the original's config.json takes (the labels of https://encoding.spec.whatwg.org/#names-and-labels) and the
// aliases (encodings/aliases.py of Python 3.11). Names are those that the original's wizard gives: latin_1 is windows-1252 because
// it is in browsers. "~" before a name marks what the wizard maps to a neighbour; "-" and "!" stand for none (plain, foreign), where
// it ends with "Encoding … is not supported", or writes a name that its agent then refuses (IBM850 and the like). Some that it refuses
// have a true name all the same, and get it: cp932, cp949, cp950, iso2022_jp, iso8859_11, tis_620, utf_8_sig. utf_16 is utf-16 and not
// utf-16le, as from the wizard: the file's byte order mark tells which it is, and is no part of its first line.
const codecs = `
ascii windows-1252 646 ansi_x3.4_1968 ansi_x3.4_1986 ansi_x3_4_1968 cp367 csascii ibm367 iso646_us iso_646.irv_1991 iso_ir_6 us us_ascii
big5 big5 big5_tw csbig5 x_mac_trad_chinese
big5hkscs big5 big5_hkscs hkscs
cp037 ! 037 csibm037 ebcdic_cp_ca ebcdic_cp_nl ebcdic_cp_us ebcdic_cp_wt ibm037 ibm039
cp273 ! 273 csibm273 ibm273
cp424 ~iso-8859-8 424 csibm424 ebcdic_cp_he ibm424
cp437 - 437 cspc8codepage437 ibm437
cp500 ! 500 csibm500 ebcdic_cp_be ebcdic_cp_ch ibm500
cp720 ~iso-8859-6
cp737 ~iso-8859-7
cp775 ~iso-8859-13 775 cspc775baltic ibm775
cp850 - 850 cspc850multilingual ibm850
cp852 - 852 cspcp852 ibm852
cp855 - 855 csibm855 ibm855
cp856 -
cp857 - 857 csibm857 ibm857
cp858 - 858 csibm858 ibm858
cp860 - 860 csibm860 ibm860
cp861 - 861 cp_is csibm861 ibm861
cp862 - 862 cspc862latinhebrew ibm862
cp863 - 863 csibm863 ibm863
cp864 - 864 csibm864 ibm864
cp865 - 865 csibm865 ibm865
cp866 ibm866 866 csibm866 ibm866
cp869 - 869 cp_gr csibm869 ibm869
cp874 windows-874
cp875 !
cp932 shift_jis 932 ms932 mskanji ms_kanji
cp949 euc-kr 949 ms949 uhc
cp950 big5 950 ms950
cp1006 -
cp1026 ! 1026 csibm1026 ibm1026
cp1125 - 1125 ibm1125 cp866u ruscii
cp1140 ! 1140 ibm1140
cp1250 windows-1250 1250 windows_1250
cp1251 windows-1251 1251 windows_1251
cp1252 windows-1252 1252 windows_1252
cp1253 windows-1253 1253 windows_1253
cp1254 windows-1254 1254 windows_1254
cp1255 windows-1255 1255 windows_1255
cp1256 windows-1256 1256 windows_1256
cp1257 windows-1257 1257 windows_1257
cp1258 windows-1258 1258 windows_1258
euc_jp euc-jp eucjp ujis u_jis
euc_jis_2004 - jisx0213 eucjis2004 euc_jis2004
euc_jisx0213 - eucjisx0213
euc_kr euc-kr euckr korean ksc5601 ks_c_5601 ks_c_5601_1987 ksx1001 ks_x_1001 x_mac_korean
gb2312 gbk chinese csiso58gb231280 euc_cn euccn eucgb2312_cn gb2312_1980 gb2312_80 iso_ir_58 x_mac_simp_chinese
gbk gbk 936 cp936 ms936
gb18030 gb18030 gb18030_2000
hp_roman8 - roman8 r8 cshproman8 cp1051 ibm1051
hz ~gbk hzgb hz_gb hz_gb_2312
iso2022_jp iso-2022-jp csiso2022jp iso2022jp iso_2022_jp
iso2022_jp_1 - iso2022jp_1 iso_2022_jp_1
iso2022_jp_2 - iso2022jp_2 iso_2022_jp_2
iso2022_jp_2004 - iso2022jp_2004 iso_2022_jp_2004
iso2022_jp_3 - iso2022jp_3 iso_2022_jp_3
iso2022_jp_ext - iso2022jp_ext iso_2022_jp_ext
iso2022_kr - csiso2022kr iso2022kr iso_2022_kr
latin_1 windows-1252 8859 cp819 csisolatin1 ibm819 iso8859 iso8859_1 iso_8859_1 iso_8859_1_1987 iso_ir_100 l1 latin latin1
iso8859_2 iso-8859-2 csisolatin2 iso_8859_2 iso_8859_2_1987 iso_ir_101 l2 latin2
iso8859_3 iso-8859-3 csisolatin3 iso_8859_3 iso_8859_3_1988 iso_ir_109 l3 latin3
iso8859_4 iso-8859-4 csisolatin4 iso_8859_4 iso_8859_4_1988 iso_ir_110 l4 latin4
iso8859_5 iso-8859-5 csisolatincyrillic cyrillic iso_8859_5 iso_8859_5_1988 iso_ir_144
iso8859_6 iso-8859-6 arabic asmo_708 csisolatinarabic ecma_114 iso_8859_6 iso_8859_6_1987 iso_ir_127
iso8859_7 iso-8859-7 csisolatingreek ecma_118 elot_928 greek greek8 iso_8859_7 iso_8859_7_1987 iso_ir_126
iso8859_8 iso-8859-8 csisolatinhebrew hebrew iso_8859_8 iso_8859_8_1988 iso_ir_138
iso8859_9 windows-1254 csisolatin5 iso_8859_9 iso_8859_9_1989 iso_ir_148 l5 latin5
iso8859_10 iso-8859-10 csisolatin6 iso_8859_10 iso_8859_10_1992 iso_ir_157 l6 latin6
iso8859_11 windows-874 thai iso_8859_11 iso_8859_11_2001
iso8859_13 iso-8859-13 iso_8859_13 l7 latin7
iso8859_14 iso-8859-14 iso_8859_14 iso_8859_14_1998 iso_celtic iso_ir_199 l8 latin8
iso8859_15 iso-8859-15 iso_8859_15 l9 latin9
iso8859_16 iso-8859-16 iso_8859_16 iso_8859_16_2001 iso_ir_226 l10 latin10
johab - cp1361 ms1361
koi8_r koi8-r cskoi8r
koi8_t -
koi8_u koi8-u
kz1048 - kz_1048 rk1048 strk1048_2002
mac_arabic -
mac_croatian -
mac_cyrillic x-mac-cyrillic maccyrillic
mac_farsi -
mac_greek - macgreek
mac_iceland - maciceland
mac_latin2 - mac_centeuro maccentraleurope maclatin2
mac_roman macintosh macintosh macroman
mac_romanian -
mac_turkish - macturkish
palmos -
ptcp154 - csptcp154 pt154 cp154 cyrillic_asian
shift_jis shift_jis csshiftjis shiftjis sjis s_jis x_mac_japanese
shift_jis_2004 - shiftjis2004 sjis_2004 s_jis_2004
shift_jisx0213 - shiftjisx0213 sjisx0213 s_jisx0213
tis_620 windows-874 tis620 tis_620_0 tis_620_2529_0 tis_620_2529_1 iso_ir_166
utf_7 - u7 utf7 unicode_1_1_utf_7
utf_8 utf-8 cp65001 u8 utf utf8 utf8_ucs2 utf8_ucs4
utf_8_sig utf-8
utf_16 utf-16 u16 utf16
utf_16_be utf-16be unicodebigunmarked utf_16be
utf_16_le utf-16le unicodelittleunmarked utf_16le
utf_32 ! u32 utf32
utf_32_be ! utf_32be
utf_32_le ! utf_32le
`

// pythonCodec is what config.json calls an encoding of Python's.
func pythonCodec(name string) (here string, k kinship) {
	name = codecName(name)
	for line := range strings.Lines(codecs) {
		fields := strings.Fields(line)
		for i, known := range fields {
			if i == 1 || known != name {
				continue
			}
			switch here := fields[1]; {
			case here == "-":
				return "", plain
			case here == "!":
				return "", foreign
			case here[0] == '~':
				return here[1:], near
			default:
				return here, same
			}
		}
	}
	return "", unheard
}

// isEncoding tells whether config.json knows an encoding under a name.
func isEncoding(name string) bool {
	for line := range strings.Lines(codecs) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == name && strings.Trim(name, "-!~") == name {
			return true
		}
	}
	return false
}

// encode gives an entry an encoding, if there is one of that name.
func (m *importing) encode(d *draft, name string, at config.Place) {
	if isEncoding(name) {
		d.set("encoding", at, name)
		return
	}
	m.note(at, fmt.Sprintf("the encoding %q is not known here: the file is read as UTF-8, and what is not UTF-8 in it becomes U+FFFD", short(name)), "write the file in UTF-8")
}

// codecName spells a name as Python does before it looks it up (encodings.normalize_encoding): runs of what is neither letter,
// digit nor dot are one underscore.
func codecName(name string) string {
	var b strings.Builder
	gap := false
	for _, c := range strings.ToLower(name) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' {
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(c)
		} else {
			gap = true
		}
	}
	return b.String()
}

// codecNames are the names that suggestions are made of.
func codecNames() (all []string) {
	for line := range strings.Lines(codecs) {
		if fields := strings.Fields(line); len(fields) > 0 {
			all = append(all, fields[0])
		}
	}
	return all
}
