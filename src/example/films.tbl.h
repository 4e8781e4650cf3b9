/* SPDX-License-Identifier: AGPL-3.0-or-later
 * Every film, in the order in which they are made and shown. FILM(variable of films/NAME.c) */
FILM(film_sprint)
FILM(film_swim)
FILM(film_boards)
FILM(film_marathon)
FILM(film_race)
FILM(film_sail)
FILM(film_slope)
FILM(film_climb)
FILM(film_eleven)
FILM(film_arena)
FILM(film_puppet)
FILM(film_crowd)
