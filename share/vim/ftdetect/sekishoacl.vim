" SPDX-License-Identifier: GPL-3.0-or-later
" ACL files of the Sekisho gateway, where they lie or in a working copy of them; sekisho-acl(5).
autocmd BufNewFile,BufRead */sekisho/acl/*.acl,*/acl/systems.acl,*/acl/{lists,groups,users,devices}/*.acl setfiletype sekishoacl
