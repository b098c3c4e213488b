" SPDX-License-Identifier: GPL-3.0-or-later
" Vim syntax file: ACL files of the Sekisho gateway, sekisho-acl(5).
if exists("b:current_syntax")
  finish
endif
let s:save = &cpoptions
set cpoptions&vim

syntax case match
syntax iskeyword @,48-57,_,-,.

" The first word of a line says what it is. Whatever is not coloured so is a mistake, or a network in a list.
syntax match sekishoStart /^\s*/ nextgroup=sekishoAllow,sekishoDeny,sekishoStatement
syntax keyword sekishoAllow contained allow
syntax keyword sekishoDeny contained deny
syntax keyword sekishoStatement contained system expect hours from valid session owner

syntax keyword sekishoProtocol tcp udp icmp any
syntax keyword sekishoOption until reason list idle
syntax keyword sekishoSpecial internet daily
syntax match sekishoOption /\(^\s*valid\s\+\)\@<=from\>/
syntax match sekishoAllow /\(^\s*expect\s\+\)\@<=allow\>/
syntax match sekishoDeny /\(^\s*expect\s\+\)\@<=deny\>/
syntax match sekishoSpecial /\(^\s*hours\s\+\)\@<=[a-z,-]\+/
syntax match sekishoNumber /\<\d\{4}-\d\d-\d\d\>/
syntax match sekishoNumber /\<\d\d:\d\d-\d\d:\d\d\>/
syntax match sekishoNumber /\<\(\d\+[smhd]\)\+\>/
syntax match sekishoAddress /\<\d\{1,3}\(\.\d\{1,3}\)\{3}\(\/\d\{1,2}\|-\d\{1,3}\(\.\d\{1,3}\)\{3}\)\?/
syntax match sekishoAddress /\(^\|\s\)\@<=\x*:\x*:[0-9a-fA-F:.]*\(\/\d\{1,3}\|-[0-9a-fA-F:.]\+\)\?/
syntax match sekishoAddress /\(^\|\s\)\@<=\(\x\{1,4}:\)\{7}\x\{1,4}/

syntax region sekishoText start=/"/ end=/"/ oneline
syntax match sekishoComment /#.*$/ contains=sekishoTodo,@Spell
syntax keyword sekishoTodo contained TODO FIXME XXX

highlight default link sekishoAllow Statement
highlight default link sekishoDeny Exception
highlight default link sekishoStatement Keyword
highlight default link sekishoProtocol Type
highlight default link sekishoOption Keyword
highlight default link sekishoSpecial Constant
highlight default link sekishoNumber Number
highlight default link sekishoAddress Number
highlight default link sekishoText String
highlight default link sekishoComment Comment
highlight default link sekishoTodo Todo

let b:current_syntax = "sekishoacl"
let &cpoptions = s:save
unlet s:save
